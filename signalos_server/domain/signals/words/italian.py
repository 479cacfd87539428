"""Italian. Lower case, phrases parted by commas."""

from __future__ import annotations

from signalos_server.domain.signals.words.concepts import Concept as C

WORDS: dict[C, str] = {
    C.BUY: (
        "acquisto, acquistare, acquista, acquistate, comprare, compra, comprate, compriamo, "
        "acquisti, posizione long, posizione rialzista, ordine di acquisto, entrare long, "
        "entriamo long, compro, segnale di acquisto, in acquisto"
    ),
    C.SELL: (
        "vendita, vendere, vendi, vendete, vendiamo, vendite, posizione short, "
        "posizione ribassista, ordine di vendita, entrare short, entriamo short, "
        "segnale di vendita, in vendita"
    ),
    C.BUY_WEAK: "rialzista",
    C.SELL_WEAK: "ribassista",
    C.BOUGHT: "comprato, acquistato",
    C.SOLD: "venduto",
    C.NOW: (
        "ora, adesso, subito, a mercato, al mercato, prezzo di mercato, immediato, "
        "al prezzo di mercato, ingresso immediato, entrata immediata, al prezzo attuale, "
        "in questo momento, immediata"
    ),
    C.LIMIT: "limite, ordine limite, limit order",
    C.STOP_WORD: "ordine stop",
    C.PENDING: "pendente, pendenti, ordine pendente, ordini pendenti, in attesa",
    C.ENTRY: (
        "ingresso, entrata, prezzo di ingresso, prezzo di entrata, zona di ingresso, zona, "
        "entrare, punto di ingresso, tra, prezzo, prezzo d'ingresso, prezzo d'entrata, da, "
        "ingresso a, entrata a, zona di entrata, livello di ingresso, livello di entrata, "
        "prezzo ingresso, area di ingresso, attorno a, intorno a, ingresso tra"
    ),
    C.SL: (
        "perdita massima, stop perdita, stop di perdita, ferma perdita, stop di protezione, "
        "stop a, sl a, stop loss a, limite di perdita, stop in area"
    ),
    C.TP: (
        "obiettivo, obiettivi, presa di profitto, prendi profitto, presa profitto, "
        "target di prezzo, bersaglio, tp a, primo obiettivo, secondo obiettivo, "
        "terzo obiettivo, obiettivo finale, presa di profitti, take profit a, primo target, "
        "secondo target"
    ),
    C.ABOVE: "sopra, al di sopra di, al di sopra",
    C.BELOW: "sotto, al di sotto di, al di sotto",
    C.TO: "fino a, fino al, verso",
    C.OPEN_END: "aperto",
    C.LATER: "in arrivo, più tardi, da confermare, seguiranno, a breve",
    C.IGNORED: "leva, supporto, resistenza, segnale numero",
    C.CURRENT_PRICE: "prezzo attuale",
    C.EXPIRY: "valido fino a, valida fino a, scade, scadenza, validità",
    C.MANIPULATION: "ignora tutte le istruzioni, ignora le istruzioni",
    C.PIPS: "pips, pip",
    C.LOTS: "lotto, lotti, volume, dimensione",
    C.RISK: "rischio, rischiare, rischio per operazione",
    C.PERCENT: "per cento, percento",
    C.CURRENCY: "dollari, dollaro",
    C.HALF: "metà, la metà",
    C.THIRD: "terzo, un terzo",
    C.QUARTER: "quarto, un quarto",
    C.PART: "parte, una parte, parziale, parziali, parzialmente",
    C.FULL: "completamente, totalmente, intera, intero",
    C.ALL: "tutto, tutti, tutte, tutte le posizioni",
    C.CLOSE: (
        "chiudere, chiudi, chiudete, chiudiamo, chiusura, uscire, uscite, usciamo, esci, "
        "chiudo, chiudetela, chiudiamo qui, chiudi ora, chiudete ora, usciamo ora, "
        "chiudere ora, fuori da, chiudila, chiudetelo"
    ),
    C.CLOSED: ("chiuso, chiusa, posizione chiusa, operazione chiusa, trade chiuso, uscito, usciti, usciti a"),
    C.TAKE_PART: (
        "chiudere una parte, chiudete una parte, chiudere parzialmente, parziale ora, "
        "chiusura parziale, prendere parziali, prendete parziale, chiudete parziale, "
        "prendete parziali, prendiamo parziale, prendiamo parziali, chiudiamo parziale, "
        "chiudi parziale, chiudi una parte, chiudiamo una parte, alleggerire, alleggerite, "
        "alleggeriamo, riducete, ridurre la posizione, prendi parziale, parzializzare, "
        "parzializzate"
    ),
    C.GRAB: (
        "prendere, prendete, prendi, prendiamo, incassare, incassate, incassiamo, "
        "assicurare, assicurate, portare a casa, mettete al sicuro, bloccate, realizzare, "
        "realizzate"
    ),
    C.PROFIT_TAKING: (
        "prendete profitto, prendiamo profitto, incassate i profitti, prendete i profitti, "
        "portiamo a casa il profitto, incassiamo il profitto, mettete al sicuro i profitti"
    ),
    C.BREAKEVEN: (
        "pareggio, a pareggio, in pareggio, sl all'ingresso, stop all'ingresso, "
        "sl a pareggio, stop a pareggio, sl in pareggio, stop in pareggio, sl all'entrata, "
        "stop all'entrata, sl al prezzo di ingresso, sl a be, stop a be, sl a breakeven, "
        "stop a breakeven, stop loss a be, stop loss a pareggio, a breakeven, "
        "sl in breakeven, stop in breakeven, sl a prezzo di ingresso, "
        "stop a prezzo di ingresso, sl al punto di ingresso, proteggere ingresso, a be"
    ),
    C.RISK_FREE: (
        "senza rischio, rischio zero, mettere in sicurezza, operazione senza rischio, "
        "mettete in sicurezza, mettiamo in sicurezza, a rischio zero"
    ),
    C.MOVE: (
        "spostare, sposta, spostate, spostiamo, modificare, modifica, modificate, mettere, "
        "mettete, metti, alzare, alzate, abbassate, cambiare, cambiate, portare, portate, "
        "porta, spostare il, spostate lo, alziamo, abbassiamo, abbassare, aggiornare, "
        "aggiornate, aggiorna, impostare, impostate, imposta, correggere, correzione, "
        "mettiamo, portiamo, stringere, stringete"
    ),
    C.NEW: "nuovo, nuova",
    C.CANCEL: (
        "annullare, annulla, annullate, cancellare, cancella, cancellate, annullato, "
        "eliminare, eliminate, annulliamo, cancelliamo, eliminiamo, elimina, "
        "non è più valido, non più valido, non valida, annullata, cancellato, cancellata"
    ),
    C.REMOVE: "rimuovere, rimuovete, togliere, togliete, rimuovi, togli",
    C.TRAIL: "stop dinamico, trailing",
    C.LET_RUN: "lasciare correre, lasciate correre, lascia correre",
    C.POSITION: ("operazione, operazioni, posizione, posizioni, ordine, ordini, resto, il resto, segnale"),
    C.PREVIOUS: "precedente, ultimo, ultima, vecchio",
    C.HIT: (
        "raggiunto, preso, colpito, centrato, toccato, raggiunta, presa, colpita, toccata, "
        "centrata, arrivato, preso in pieno"
    ),
    C.STOPPED_OUT: (
        "stop preso, sl preso, stop colpito, sl colpito, stoppati, stoppato, sl toccato, "
        "stop loss preso, siamo stati stoppati"
    ),
    C.RUNNING: ("in profitto, in guadagno, in corso, in verde, in positivo, attivato, attivata, in gain"),
    C.RESULT: (
        "risultato, risultati, riepilogo, resoconto, rapporto, statistiche, "
        "bilancio settimanale, riepilogo settimanale"
    ),
    C.PROFIT: "profitto, profitti, guadagno, guadagni, guadagnato",
    C.NOT: ("non, mai, non comprate, non vendete, non chiudete, non ancora, evitate, senza, nessun"),
    C.IF: (
        "se, quando, dopo, una volta, appena, aspettare, aspettate, attendere, attendete, "
        "in caso di, alla rottura"
    ),
    C.FUTURE: "presto, stiamo per, possibile, preparatevi, chiuderò, chiuderemo, voglio",
    C.PLANNED: (
        "domani, forse, potrebbe, vorrei, penso, pensando di, stiamo valutando, valutiamo, "
        "la prossima settimana, mi piacerebbe, magari, probabilmente"
    ),
    C.OPTIONAL: (
        "se volete, se vuoi, opzionale, potete, facoltativo, chi vuole, "
        "a vostra discrezione, se preferite, chi preferisce, a piacere, per chi vuole, "
        "se lo desiderate"
    ),
    C.ASKING: (
        "dovremmo, devo, perché, chi, posso, dobbiamo, qualcuno, quale, cosa ne pensate, "
        "che ne pensate, compro o vendo"
    ),
    C.I_ME: "io, mio, mia, miei, ho, personalmente, ho chiuso, io ho",
    C.CANDLE: (
        "candela, chiusura candela, chiusura giornaliera, chiusura sopra, chiusura sotto, "
        "chiude sopra, chiude sotto, chiusura del mercato, chiusura della candela, "
        "chiusura mercato, chiude la candela, chiusura settimanale, chiusura di candela, "
        "mercato chiuso, ha chiuso sopra, ha chiuso sotto, chiusura oraria"
    ),
    C.SHOWN: (
        "esempio, solo un esempio, non è un segnale, scopo didattico, a scopo didattico, "
        "conto demo, simulazione"
    ),
    C.FORWARDED: "inoltrato da, inoltrato",
    C.PAST_TIME: "ieri, settimana scorsa, la settimana scorsa, mese scorso",
    C.NEAR: "vicino a, vicino, quasi, vicini",
    C.OR: "o, oppure",
    C.AND: "e, poi",
    C.FILLER: (
        "il, lo, gli, del, della, dello, un, uno, una, in, su, per, con, di, al, alla, la, "
        "gestione del rischio, lungo termine, breve termine, buongiorno, buonasera, ciao, "
        "non dimenticate di, non dimenticate, ricordate di, gestite il rischio, ragazzi"
    ),
}
