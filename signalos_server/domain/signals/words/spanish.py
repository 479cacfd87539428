"""Spanish. Lower case, phrases parted by commas."""

from __future__ import annotations

from signalos_server.domain.signals.words.concepts import Concept as C

WORDS: dict[C, str] = {
    C.BUY: (
        "compra, comprar, compre, compren, compramos, comprando, compras, en largo, largo, "
        "largos, abrir compra, entrar en compra, en compra, posición larga, "
        "posición de compra, abrimos compra, entramos en compra, orden de compra, comprad, "
        "posición compradora, señal de compra"
    ),
    C.SELL: (
        "venta, vender, venda, vendan, vende, vendemos, vendiendo, ventas, en corto, corto, "
        "cortos, abrir venta, entrar en venta, en venta, posición corta, posición de venta, "
        "abrimos venta, entramos en venta, orden de venta, vended, posición vendedora, "
        "señal de venta"
    ),
    C.BUY_WEAK: "alcista",
    C.SELL_WEAK: "bajista",
    C.BOUGHT: "compramos en, compré, comprado, hemos comprado",
    C.SOLD: "~vendí, vendido, hemos vendido",
    C.NOW: (
        "ahora, ya, ahora mismo, a mercado, al mercado, precio de mercado, inmediata, "
        "de inmediato, instantánea, a precio de mercado, al precio actual, en este momento, "
        "ya mismo, entrada inmediata, entrada a mercado"
    ),
    C.LIMIT: "límite, limitada",
    C.STOP_WORD: "orden stop",
    C.PENDING: "pendiente, pendientes, orden pendiente, órdenes pendientes, ordenes pendientes",
    C.ENTRY: (
        "entrada, entradas, precio de entrada, punto de entrada, zona de entrada, zona, "
        "entrar, entrar en, desde, entre, precio, alrededor de, rango, precio entrada, "
        "zona entrada, nivel de entrada, entrada en, entre los, entramos en"
    ),
    C.SL: (
        "stop de pérdida, stop de pérdidas, stop pérdida, parar pérdidas, límite de pérdida, "
        "pérdida máxima, detener pérdidas, stop loss en, perdida, stop en, "
        "corte de pérdidas, límite de pérdidas, parada de pérdidas, sl en, corte de pérdida, "
        "stop de protección"
    ),
    C.TP: (
        "objetivo, objetivos, toma de ganancias, toma de beneficios, tomar ganancias, "
        "tomar beneficios, toma ganancias, ~meta, ~metas, tomar ganancia, "
        "beneficio objetivo, recoger beneficios, tp en, toma de ganancia, primer objetivo, "
        "segundo objetivo, tercer objetivo, objetivo final, toma de beneficio, "
        "tomar beneficio, precio objetivo"
    ),
    C.ABOVE: "por encima de, encima de, arriba de, sobre",
    C.BELOW: "por debajo de, debajo de, abajo de, bajo",
    C.TO: "hasta, hacia",
    C.OPEN_END: "abierto, abierta",
    C.LATER: "por confirmar, próximamente, más adelante, se actualizará, en breve",
    C.IGNORED: (
        "apalancamiento, riesgo beneficio, riesgo recompensa, soporte, resistencia, "
        "señal número, señal nº, marco temporal"
    ),
    C.CURRENT_PRICE: "precio actual",
    C.EXPIRY: "válido hasta, válida hasta, vencimiento, expira, vence, válida por, válido por",
    C.MANIPULATION: (
        "ignora las instrucciones, ignora todas las instrucciones, ignore todas las instrucciones"
    ),
    C.PIPS: "pips, pip",
    C.LOTS: "lote, lotes, lotaje, tamaño, volumen",
    C.RISK: "riesgo, arriesgar, riesgo por operación",
    C.PERCENT: "por ciento",
    C.CURRENCY: "dólares, dólar",
    C.HALF: "mitad, la mitad",
    C.THIRD: "tercio, un tercio",
    C.QUARTER: "cuarto, un cuarto, cuarta parte",
    C.PART: "parte, parcial, parciales, una parte, parcialmente, algo",
    C.FULL: "completa, completo, completamente, totalmente",
    C.ALL: "todo, todos, todas, toda, todas las posiciones, todas las operaciones",
    C.CLOSE: (
        "cerrar, cierre, cierren, cierra, cerremos, cerrando, salir, salgan, cerrar ya, "
        "liquidar, cerramos, cierro, ciérrenla, ciérralo, salimos, salgamos, liquiden, "
        "cerradlo, cerrarlo, cerrarla, cierren ya, cierra ya, salirse, cierralo, cierrenla, "
        "cierren la, cerramos la"
    ),
    C.CLOSED: ("cerrado, cerrada, cerradas, cerrados, operación cerrada, posición cerrada, salí, salimos en"),
    C.TAKE_PART: (
        "cerrar parcial, cerrar una parte, cerrar parte, tomar parciales, cierre parcial, "
        "asegurar parciales, cerrar parcialmente, tomar parcial, tomen parciales, "
        "toma de parciales, tomamos parciales, aseguren parciales, cerrar parciales, "
        "cierren parcial, cierren una parte, cerramos parcial, cerramos una parte, "
        "reducir posición, reduzcan posición, reducir la posición, cierra parcial, "
        "toma parcial, tomen parcial, cierren parciales"
    ),
    C.GRAB: (
        "tomar, tomen, tomamos, asegurar, aseguren, asegura, aseguramos, cobrar, cobren, "
        "recoger, recojan, sacar, saquen, realizar"
    ),
    C.PROFIT_TAKING: (
        "tomen ganancias, aseguren ganancias, asegurar ganancias, recojan beneficios, "
        "aseguren beneficios, asegurar beneficios"
    ),
    C.BREAKEVEN: (
        "punto de equilibrio, sl a entrada, sl en entrada, sl a la entrada, stop a entrada, "
        "stop a la entrada, stop en la entrada, stop al precio de entrada, "
        "sl al precio de entrada, sl al punto de entrada, stop loss al punto de entrada, "
        "stop loss a la entrada, stop al punto de entrada, sl en breakeven, sl a be, "
        "stop a be, stop en be, sl en be, proteger la entrada, proteger entrada, "
        "sl a breakeven, stop a breakeven, punto de entrada sin riesgo, "
        "sl a punto de entrada, stop en breakeven"
    ),
    C.RISK_FREE: (
        "sin riesgo, libre de riesgo, asegurar la operación, aseguren la operación, "
        "asegura la operación, sin riesgos, riesgo cero"
    ),
    C.MOVE: (
        "mover, muevan, mueve, mueva, movemos, cambiar, cambien, ajustar, ajusten, poner, "
        "pongan, pon, subir el, bajar el, modificar, colocar, colocan, actualizar, subir, "
        "suban, sube, bajar, bajen, desplazar, arrastrar, arrastren, llevar, lleven, "
        "ponemos, coloquen, coloca, ajusta, ajustamos, actualicen, actualizamos, cambia, "
        "cambiamos, modifica, modifiquen, ponga, corregir, corrección, muevan el, mueve el"
    ),
    C.NEW: "nuevo, nueva",
    C.CANCEL: (
        "cancelar, cancelen, cancela, cancelada, cancelado, cancele, anular, borrar, "
        "eliminar orden, eliminar, invalidada, cancelad, cancelamos, eliminen, elimina, "
        "borren, borra, anulen, anula, anulada, anulado, eliminamos, cancelarla, "
        "ya no es válida, no es válida"
    ),
    C.REMOVE: "quitar, quiten, quita, retirar",
    C.TRAIL: "stop dinámico, stop móvil, trailing",
    C.LET_RUN: "dejar correr, dejen correr, déjenlo correr",
    C.POSITION: "operación, operaciones, posición, posiciones, trade, resto, el resto, señal",
    C.ORDERS: "órdenes límite",
    C.PREVIOUS: "anterior, última, previa",
    C.HIT: (
        "alcanzado, alcanzada, tocado, tocó, alcanzó, cumplido, logrado, conseguido, "
        "golpeado, tocada, llegó, llegamos, cumplida, pegó, lograda, conseguida, golpeada"
    ),
    C.STOPPED_OUT: (
        "stop tocado, sl tocado, saltó el stop, saltó el sl, tocó el stop, tocó el sl, "
        "stop alcanzado, nos tocó el sl, sl alcanzado, nos sacó el stop"
    ),
    C.RUNNING: (
        "en ganancia, en ganancias, en beneficio, en beneficios, corriendo, en positivo, "
        "en marcha, va en positivo, en profit, en verde, vamos ganando, activada, activado, "
        "sigue corriendo"
    ),
    C.RESULT: (
        "resultado, resultados, resumen, rendimiento, resumen semanal, informe semanal, "
        "balance semanal, balance de la semana, estadísticas"
    ),
    C.PROFIT: "ganancia, ganancias, beneficio, beneficios, ganamos, ganados",
    C.NOT: (
        "no, nunca, jamás, ni, tampoco, no compren, no compre, no vendan, no venda, "
        "no cierren, no cierre, evitar, aún no, todavía no, sin"
    ),
    C.IF: ("si, cuando, después de, en caso de, una vez, esperar, esperen, al romper, hasta que, tras"),
    C.FUTURE: (
        "vamos a, voy a, posible, prepárense, preparados, cerraré, cerraremos, buscaremos, "
        "será, pronto, esperando, quiero, moveré, moveremos, cerrará"
    ),
    C.PLANNED: (
        "mañana, posiblemente, quizás, tal vez, podría, pienso, creo que, estoy pensando, "
        "planeo, tengo pensado, quizá, a lo mejor, la próxima semana, quisiera, me gustaría, "
        "pensando en"
    ),
    C.OPTIONAL: (
        "si quieres, si quieren, si desean, opcional, pueden, puedes, si gustan, puede, "
        "quien quiera, el que quiera, los que quieran, opcionalmente, a su criterio, "
        "a tu criterio, si lo desean, si lo deseas, a discreción, quienes quieran"
    ),
    C.ASKING: (
        "deberíamos, debería, debo, cuándo, por qué, quién, puedo, podemos, alguien, "
        "qué opinan, qué piensan, cuál, compro o vendo, qué hago"
    ),
    C.I_ME: "yo, mi, mis, mía, mío, personalmente, cerré la mía, cerré, moví",
    C.CANDLE: (
        "vela, cierre de vela, cierre diario, cierre de la vela, cierra por encima, "
        "cierra por debajo, cierre por encima, cierre por debajo, cierre del mercado, "
        "cierre de mercado, cerró por encima, cierra arriba, cierra debajo, cierra abajo, "
        "cierre arriba, al cierre, cierre del día, cierre semanal, cierre de sesión, "
        "mercado cerrado, cierre de la semana"
    ),
    C.SHOWN: (
        "ejemplo, solo ejemplo, no es señal, no es una señal, fines educativos, cuenta demo, simulación"
    ),
    C.FORWARDED: "reenviado de, reenviado",
    C.PAST_TIME: "ayer, la semana pasada, el mes pasado, anoche",
    C.NEAR: "cerca de, cerca del, cerca, casi",
    C.OR: "o",
    C.AND: "y, además, luego",
    C.FILLER: (
        "de, del, la, el, los, las, en, un, una, por, con, para, gestión de riesgo, "
        "señal gratis, al, a, su, sus, par, corto plazo, largo plazo, buenos días, "
        "buenas tardes, buenas noches, no olviden, no se olviden de, recuerden, "
        "gestionen el riesgo, buen profit, señal vip, señal premium"
    ),
}
