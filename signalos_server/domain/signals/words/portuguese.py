"""Portuguese. Lower case, phrases parted by commas."""

from __future__ import annotations

from signalos_server.domain.signals.words.concepts import Concept as C

WORDS: dict[C, str] = {
    C.BUY: "compra, comprar, compre, comprem, compramos, comprando, comprado agora, comprados",
    C.SELL: "venda, vender, vendam, vendemos, vendendo, vendas, vendidos",
    C.BUY_WEAK: "altista",
    C.SELL_WEAK: "baixista",
    C.BOUGHT: "comprei, comprado",
    C.SOLD: "~vendi, vendido",
    C.NOW: "agora, já, a mercado, imediatamente, preço de mercado, imediata, agora mesmo",
    C.LIMIT: "limite, limitada",
    C.PENDING: "pendente, pendentes, ordem pendente, ordens pendentes",
    C.ENTRY: (
        "entrada, entradas, preço de entrada, ponto de entrada, zona de entrada, zona, entrar, "
        "entrar em, entre, faixa, região, preço"
    ),
    C.SL: "stop de perda, parar perda, perda máxima, stop no, limite de perda",
    C.TP: (
        "alvo, alvos, objetivo, objetivos, realizar lucro, realização de lucro, ~meta, ~metas, "
        "realização, ~take"
    ),
    C.ABOVE: "acima de, acima",
    C.BELOW: "abaixo de, abaixo",
    C.TO: "até",
    C.OPEN_END: "aberto",
    C.IGNORED: "preço atual, alavancagem, suporte, resistência, tempo gráfico, sinal número",
    C.LOTS: "lote, lotes, tamanho, volume",
    C.RISK: "risco, arriscar, risco por operação",
    C.PERCENT: "por cento",
    C.HALF: "metade, a metade",
    C.THIRD: "terço, um terço",
    C.QUARTER: "um quarto",
    C.PART: "parte, parcial, uma parte, parcialmente",
    C.FULL: "completa, completo, totalmente",
    C.ALL: "tudo, todos, todas, todas as posições, todas as operações",
    C.CLOSE: (
        "fechar, feche, fechem, fecha, fechando, encerrar, encerrem, encerre, sair, saiam, "
        "zerar, zerem, fechamos"
    ),
    C.CLOSED: (
        "fechado, fechada, encerrado, encerrada, operação fechada, operação encerrada, posição fechada"
    ),
    C.TAKE_PART: (
        "fechar parcial, fechar parte, fechar uma parte, realizar parcial, fazer parcial, "
        "parcial agora, fechem parcial"
    ),
    C.BREAKEVEN: (
        "zero a zero, 0x0, empate, sl na entrada, stop na entrada, sl para entrada, "
        "sl para a entrada, stop para a entrada, stop no zero a zero, sl no preço de entrada, "
        "stop no preço de entrada, stop loss na entrada, stop loss para a entrada"
    ),
    C.RISK_FREE: "sem risco, livre de risco",
    C.MOVE: (
        "mover, movam, mova, mudar, mude, mudem, ajustar, ajuste, ajustem, colocar, coloquem, "
        "coloque, alterar, altere, subir o, subam, atualizar, puxar"
    ),
    C.NEW: "novo, nova",
    C.CANCEL: (
        "cancelar, cancelem, cancele, cancela, cancelada, cancelado, anular, apagar, excluir, deletar"
    ),
    C.REMOVE: "remover, removam, remova, retirar, tirar",
    C.LET_RUN: "deixar correr, deixe correr, deixem correr",
    C.POSITION: "operação, operações, posição, posições, restante, o resto, ordem, ordens, sinal",
    C.PREVIOUS: "anterior",
    C.HIT: "atingido, atingiu, alcançado, alcançou, batido, bateu, batemos, pego",
    C.RUNNING: "em lucro, no lucro, correndo, no positivo, andando",
    C.RESULT: "resultado, resultados, resumo, desempenho",
    C.PROFIT: "lucro, lucros, ganho, ganhos, ganhamos",
    C.NOT: "não, nunca, jamais, nem, ainda não, não comprem, não vendam, evitar, sem",
    C.IF: ("se, quando, depois de, após, caso, assim que, esperar, esperem, aguardar, aguardem, ao romper"),
    C.FUTURE: ("vamos, vou, possível, preparem se, preparar, em breve, fecharei, fecharemos, quero"),
    C.PLANNED: ("amanhã, talvez, poderia, possivelmente"),
    C.OPTIONAL: "se quiser, se quiserem, opcional, podem, pode, quem quiser",
    C.ASKING: "devemos, devo, posso, por que, quem, será que, deveria",
    C.I_ME: "eu, meu, minha, meus, minhas",
    C.CANDLE: (
        "vela, candle, fechamento da vela, fechamento diário, fechar acima, fechar abaixo, "
        "fechamento acima, fechamento abaixo, fechamento do mercado, fechamento do candle"
    ),
    C.NEAR: "perto de, perto do, perto, quase, próximo de",
    C.OR: "ou",
    C.AND: "e",
    C.FILLER: (
        "do, da, dos, das, no, na, nos, nas, o, os, em, um, uma, por, com, para, de, ao, "
        "gestão de risco, sinal grátis, par, longo prazo, curto prazo"
    ),
}
