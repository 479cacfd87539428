"""Portuguese. Lower case, phrases parted by commas."""

from __future__ import annotations

from signalos_server.domain.signals.words.concepts import Concept as C

WORDS: dict[C, str] = {
    C.BUY: (
        "compra, comprar, compre, comprem, compramos, comprando, comprados, ordem de compra, "
        "posição comprada, posição de compra, entrar comprado, entrar comprando, "
        "operação de compra, sinal de compra, na compra"
    ),
    C.SELL: (
        "venda, vender, vendam, vendemos, vendendo, vendas, vendidos, ordem de venda, "
        "posição vendida, posição de venda, entrar vendido, entrar vendendo, "
        "operação de venda, sinal de venda, na venda, vende"
    ),
    C.BUY_WEAK: "altista",
    C.SELL_WEAK: "baixista",
    C.BOUGHT: "comprei, comprado",
    C.SOLD: "~vendi, vendido",
    C.NOW: (
        "agora, já, a mercado, imediatamente, preço de mercado, imediata, agora mesmo, "
        "a preço de mercado, entrada imediata, entrada a mercado, no preço atual, "
        "neste momento, ao mercado"
    ),
    C.LIMIT: "limite, limitada",
    C.PENDING: "pendente, pendentes, ordem pendente, ordens pendentes",
    C.ENTRY: (
        "entrada, entradas, preço de entrada, ponto de entrada, zona de entrada, zona, "
        "entrar, entrar em, entre, faixa, região, preço, preço entrada, zona entrada, "
        "região de entrada, nível de entrada, entrada em, entrar na"
    ),
    C.SL: (
        "stop de perda, parar perda, perda máxima, stop no, limite de perda, stop em, sl em, "
        "stop de proteção, stop de prejuízo, limite de prejuízo"
    ),
    C.TP: (
        "alvo, alvos, objetivo, objetivos, realizar lucro, realização de lucro, ~meta, "
        "~metas, realização, ~take, tp em, primeiro alvo, segundo alvo, terceiro alvo, "
        "alvo final, alvo 1, alvo 2, alvo 3, preço alvo, take em"
    ),
    C.ABOVE: "acima de, acima",
    C.BELOW: "abaixo de, abaixo",
    C.TO: "até",
    C.OPEN_END: "aberto",
    C.LATER: "a confirmar, mais tarde, será atualizado, depois envio",
    C.IGNORED: "alavancagem, suporte, resistência, tempo gráfico, sinal número",
    C.CURRENT_PRICE: "preço atual",
    C.EXPIRY: "válido até, válida até, expira, vencimento, validade",
    C.MANIPULATION: "ignore todas as instruções, ignore as instruções",
    C.LOTS: "lote, lotes, tamanho, volume",
    C.RISK: "risco, arriscar, risco por operação",
    C.PERCENT: "por cento",
    C.CURRENCY: "dólares, dólar, reais",
    C.HALF: "metade, a metade",
    C.THIRD: "terço, um terço",
    C.QUARTER: "um quarto",
    C.PART: "parte, parcial, uma parte, parcialmente",
    C.FULL: "completa, completo, totalmente",
    C.ALL: "tudo, todos, todas, todas as posições, todas as operações",
    C.CLOSE: (
        "fechar, feche, fechem, fecha, fechando, encerrar, encerrem, encerre, sair, saiam, "
        "zerar, zerem, fechamos, encerramos, zera, zeramos, fechar agora, feche agora, "
        "fechem agora, saímos, encerra, sai, fechá-la"
    ),
    C.CLOSED: (
        "fechado, fechada, encerrado, encerrada, operação fechada, operação encerrada, "
        "posição fechada, saí, saímos no"
    ),
    C.TAKE_PART: (
        "fechar parcial, fechar parte, fechar uma parte, realizar parcial, fazer parcial, "
        "parcial agora, fechem parcial, realizem parcial, realize parcial, "
        "realização parcial, fechem parte, feche parte, feche parcial, feche uma parte, "
        "fechem uma parte, faça parcial, façam parcial, reduzir posição, parciais, "
        "parcial aqui"
    ),
    C.GRAB: (
        "realizar, realizem, realize, realizando, garantir, garantam, garanta, pegar, "
        "peguem, embolsar, embolsem, proteger, travar, travem, realizamos"
    ),
    C.PROFIT_TAKING: (
        "realizem lucro, realize o lucro, realizem o lucro, garantam o lucro, "
        "garantir lucro, embolsem o lucro, botem no bolso"
    ),
    C.BREAKEVEN: (
        "zero a zero, 0x0, empate, sl na entrada, stop na entrada, sl para entrada, "
        "sl para a entrada, stop para a entrada, stop no zero a zero, "
        "sl no preço de entrada, stop no preço de entrada, stop loss na entrada, "
        "stop loss para a entrada, sl no zero a zero, stop no 0x0, sl no 0x0, "
        "stop em zero a zero, proteger entrada, proteger na entrada, stop no breakeven, "
        "sl no breakeven, stop no be, sl no be, no zero a zero, stop loss no zero a zero, "
        "sl para breakeven"
    ),
    C.RISK_FREE: (
        "sem risco, livre de risco, sem riscos, risco zero, proteger a operação, protejam a operação"
    ),
    C.MOVE: (
        "mover, movam, mova, mudar, mude, mudem, ajustar, ajuste, ajustem, colocar, "
        "coloquem, coloque, alterar, altere, subir o, subam, atualizar, puxar, movemos, "
        "subir, suba, descer, desça, baixar, puxem, puxe, trazer, tragam, levar, levem, "
        "atualizem, atualize, botar, botem, bota, põe, ponham, corrigir, correção, moveu"
    ),
    C.NEW: "novo, nova",
    C.CANCEL: (
        "cancelar, cancelem, cancele, cancela, cancelada, cancelado, anular, apagar, "
        "excluir, deletar, cancelamos, anulem, anulado, anulada, apaguem, apague, excluam, "
        "exclua, deletem, delete a ordem, não é mais válido, não vale mais"
    ),
    C.REMOVE: "remover, removam, remova, retirar, tirar",
    C.TRAIL: "stop móvel, trailing",
    C.LET_RUN: "deixar correr, deixe correr, deixem correr",
    C.POSITION: "operação, operações, posição, posições, restante, o resto, ordem, ordens, sinal",
    C.PREVIOUS: "anterior",
    C.HIT: (
        "atingido, atingiu, alcançado, alcançou, batido, bateu, batemos, pego, atingida, "
        "alcançada, batida, tocado, tocou, chegou, pegou, foi pego"
    ),
    C.STOPPED_OUT: (
        "stop atingido, stopado, stopados, pegou o stop, bateu o stop, stopou, sl atingido, "
        "bateu stop, tomamos stop"
    ),
    C.RUNNING: (
        "em lucro, no lucro, correndo, no positivo, andando, no verde, em andamento, "
        "ativada, ativado, segue correndo, andando bem"
    ),
    C.RESULT: (
        "resultado, resultados, resumo, desempenho, resumo semanal, relatório, "
        "relatório semanal, estatísticas, balanço"
    ),
    C.PROFIT: "lucro, lucros, ganho, ganhos, ganhamos",
    C.NOT: "não, nunca, jamais, nem, ainda não, não comprem, não vendam, evitar, sem",
    C.IF: ("se, quando, depois de, após, caso, assim que, esperar, esperem, aguardar, aguardem, ao romper"),
    C.FUTURE: "vamos, vou, possível, preparem se, preparar, em breve, fecharei, fecharemos, quero",
    C.PLANNED: (
        "amanhã, talvez, poderia, possivelmente, penso em, pensando em, acho que, planejo, "
        "pretendo, semana que vem, próxima semana, gostaria, planejando"
    ),
    C.OPTIONAL: (
        "se quiser, se quiserem, opcional, podem, pode, quem quiser, opcionalmente, "
        "a seu critério, quem preferir, se preferir, se desejar, fica a critério, a critério"
    ),
    C.ASKING: (
        "devemos, devo, posso, por que, quem, será que, deveria, alguém, qual, o que acham, "
        "compro ou vendo, quem comprou, quem vendeu, quem está"
    ),
    C.I_ME: "eu, meu, minha, meus, minhas, pessoalmente, fechei, fechei a minha, movi, entrei",
    C.CANDLE: (
        "vela, candle, fechamento da vela, fechamento diário, fechar acima, fechar abaixo, "
        "fechamento acima, fechamento abaixo, fechamento do mercado, fechamento do candle, "
        "fecha acima, fecha abaixo, fechar o candle, fechamento semanal, "
        "fechamento de candle, mercado fechado, fechamento"
    ),
    C.SHOWN: (
        "exemplo, apenas exemplo, não é sinal, não é um sinal, fins educacionais, "
        "conta demo, simulação, apenas educacional"
    ),
    C.FORWARDED: "encaminhado de, encaminhado",
    C.PAST_TIME: "ontem, semana passada, mês passado, na semana passada",
    C.NEAR: "perto de, perto do, perto, quase, próximo de",
    C.OR: "ou",
    C.AND: "e",
    C.FILLER: (
        "do, da, dos, das, no, na, nos, nas, o, os, em, um, uma, por, com, para, de, ao, "
        "gestão de risco, sinal grátis, par, longo prazo, curto prazo, bom dia, boa tarde, "
        "boa noite, não esqueçam, não esqueçam de, lembrem, gerenciem o risco, sinal free, "
        "sinal vip, gerenciamento de risco"
    ),
}
