"""Spanish. Lower case, phrases parted by commas."""

from __future__ import annotations

from signalos_server.domain.signals.words.concepts import Concept as C

WORDS: dict[C, str] = {
    C.BUY: (
        "compra, comprar, compre, compren, compramos, comprando, compras, compro ya, en largo, "
        "largo, largos, abrir compra, entrar en compra"
    ),
    C.SELL: (
        "venta, vender, venda, vendan, vende, vendemos, vendiendo, ventas, en corto, corto, "
        "cortos, abrir venta, entrar en venta"
    ),
    C.BUY_WEAK: "alcista",
    C.SELL_WEAK: "bajista",
    C.BOUGHT: "compramos en, compré, comprado, hemos comprado",
    C.SOLD: "~vendí, vendido, hemos vendido",
    C.NOW: (
        "ahora, ya, ahora mismo, a mercado, al mercado, precio de mercado, inmediata, "
        "de inmediato, instantánea"
    ),
    C.LIMIT: "límite, limitada",
    C.PENDING: "pendiente, pendientes, orden pendiente, órdenes pendientes, ordenes pendientes",
    C.ENTRY: (
        "entrada, entradas, precio de entrada, punto de entrada, zona de entrada, zona, entrar, "
        "entrar en, desde, entre, precio, alrededor de, rango"
    ),
    C.SL: (
        "stop de pérdida, stop de pérdidas, stop pérdida, parar pérdidas, límite de pérdida, "
        "pérdida máxima, detener pérdidas, stop loss en, perdida"
    ),
    C.TP: (
        "objetivo, objetivos, toma de ganancias, toma de beneficios, tomar ganancias, "
        "tomar beneficios, toma ganancias, ~meta, ~metas, tomar ganancia, beneficio objetivo, "
        "recoger beneficios"
    ),
    C.ABOVE: "por encima de, encima de, arriba de, sobre",
    C.BELOW: "por debajo de, debajo de, abajo de, bajo",
    C.TO: "hasta, hacia",
    C.OPEN_END: "abierto, abierta",
    C.IGNORED: (
        "precio actual, apalancamiento, riesgo beneficio, riesgo recompensa, soporte, "
        "resistencia, señal número, señal nº, marco temporal"
    ),
    C.LOTS: "lote, lotes, lotaje, tamaño, volumen",
    C.RISK: "riesgo, arriesgar, riesgo por operación",
    C.PERCENT: "por ciento",
    C.HALF: "mitad, la mitad",
    C.THIRD: "tercio, un tercio",
    C.QUARTER: "cuarto, un cuarto, cuarta parte",
    C.PART: "parte, parcial, parciales, una parte, parcialmente, algo",
    C.FULL: "completa, completo, completamente, totalmente",
    C.ALL: "todo, todos, todas, toda, todas las posiciones, todas las operaciones",
    C.CLOSE: (
        "cerrar, cierre, cierren, cierra, cerremos, cerrando, salir, salgan, cerrar ya, "
        "liquidar, cerramos, cierro, ciérrenla, ciérralo"
    ),
    C.CLOSED: "cerrado, cerrada, cerradas, cerrados, operación cerrada, posición cerrada",
    C.TAKE_PART: (
        "cerrar parcial, cerrar una parte, cerrar parte, tomar parciales, cierre parcial, "
        "asegurar parciales, cerrar parcialmente, tomar parcial"
    ),
    C.BREAKEVEN: (
        "punto de equilibrio, sl a entrada, sl en entrada, sl a la entrada, stop a entrada, "
        "stop a la entrada, stop en la entrada, stop al precio de entrada, "
        "sl al precio de entrada, sl al punto de entrada, stop loss al punto de entrada, "
        "stop loss a la entrada, stop al punto de entrada"
    ),
    C.RISK_FREE: "sin riesgo, libre de riesgo, asegurar la operación",
    C.MOVE: (
        "mover, muevan, mueve, mueva, movemos, cambiar, cambien, ajustar, ajusten, poner, "
        "pongan, pon, subir el, bajar el, modificar, colocar, colocan, actualizar"
    ),
    C.NEW: "nuevo, nueva",
    C.CANCEL: (
        "cancelar, cancelen, cancela, cancelada, cancelado, cancele, anular, borrar, "
        "eliminar orden, eliminar, invalidada"
    ),
    C.REMOVE: "quitar, quiten, quita, retirar",
    C.LET_RUN: "dejar correr, dejen correr, déjenlo correr",
    C.POSITION: "operación, operaciones, posición, posiciones, trade, resto, el resto, señal",
    C.ORDERS: "órdenes límite",
    C.PREVIOUS: "anterior, última, previa",
    C.HIT: "alcanzado, alcanzada, tocado, tocó, alcanzó, cumplido, logrado, conseguido, golpeado",
    C.RUNNING: ("en ganancia, en ganancias, en beneficio, en beneficios, corriendo, en positivo, en marcha"),
    C.RESULT: "resultado, resultados, resumen, rendimiento",
    C.PROFIT: "ganancia, ganancias, beneficio, beneficios, ganamos, ganados",
    C.NOT: (
        "no, nunca, jamás, ni, tampoco, no compren, no compre, no vendan, no venda, no cierren, "
        "no cierre, evitar, aún no, todavía no, sin"
    ),
    C.IF: "si, cuando, después de, en caso de, una vez, esperar, esperen, al romper, hasta que, tras",
    C.FUTURE: (
        "vamos a, voy a, posible, prepárense, preparados, cerraré, cerraremos, buscaremos, "
        "será, pronto, esperando, quiero, moveré, moveremos, cerrará"
    ),
    C.PLANNED: ("mañana, posiblemente, quizás, tal vez, podría"),
    C.OPTIONAL: (
        "si quieres, si quieren, si desean, opcional, pueden, puedes, si gustan, puede, quien quiera"
    ),
    C.ASKING: "deberíamos, debería, debo, cuándo, por qué, quién, puedo, podemos",
    C.I_ME: "yo, mi, mis",
    C.CANDLE: (
        "vela, cierre de vela, cierre diario, cierre de la vela, cierra por encima, "
        "cierra por debajo, cierre por encima, cierre por debajo, cierre del mercado, "
        "cierre de mercado, cerró por encima"
    ),
    C.NEAR: "cerca de, cerca del, cerca, casi",
    C.OR: "o",
    C.AND: "y, además, luego",
    C.FILLER: (
        "de, del, la, el, los, las, en, un, una, por, con, para, gestión de riesgo, "
        "señal gratis, al, a, su, sus, par, corto plazo, largo plazo"
    ),
}
