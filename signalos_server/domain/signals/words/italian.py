"""Italian. Lower case, phrases parted by commas."""

from __future__ import annotations

from signalos_server.domain.signals.words.concepts import Concept as C

WORDS: dict[C, str] = {
    C.BUY: (
        "acquisto, acquistare, acquista, acquistate, comprare, compra, comprate, compriamo, "
        "compriamo ora, acquisti"
    ),
    C.SELL: "vendita, vendere, vendi, vendete, vendiamo, vendite",
    C.BUY_WEAK: "rialzista",
    C.SELL_WEAK: "ribassista",
    C.BOUGHT: "comprato, acquistato",
    C.SOLD: "venduto",
    C.NOW: "ora, adesso, subito, a mercato, al mercato, prezzo di mercato, immediato",
    C.LIMIT: "limite",
    C.PENDING: "pendente, pendenti, ordine pendente, ordini pendenti, in attesa",
    C.ENTRY: (
        "ingresso, entrata, prezzo di ingresso, prezzo di entrata, zona di ingresso, zona, "
        "entrare, punto di ingresso, tra, prezzo, prezzo d'ingresso, prezzo d'entrata, da"
    ),
    C.SL: "perdita massima, stop perdita, stop di perdita, ferma perdita, stop di protezione",
    C.TP: (
        "obiettivo, obiettivi, presa di profitto, prendi profitto, presa profitto, "
        "target di prezzo, bersaglio"
    ),
    C.ABOVE: "sopra, al di sopra di, al di sopra",
    C.BELOW: "sotto, al di sotto di, al di sotto",
    C.TO: "fino a, fino al, verso",
    C.OPEN_END: "aperto",
    C.IGNORED: "prezzo attuale, leva, supporto, resistenza, segnale numero",
    C.LOTS: "lotto, lotti, volume, dimensione",
    C.RISK: "rischio, rischiare, rischio per operazione",
    C.PERCENT: "per cento, percento",
    C.HALF: "metà, la metà",
    C.THIRD: "terzo, un terzo",
    C.QUARTER: "quarto, un quarto",
    C.PART: "parte, una parte, parziale, parziali, parzialmente",
    C.FULL: "completamente, totalmente, intera, intero",
    C.ALL: "tutto, tutti, tutte, tutte le posizioni",
    C.CLOSE: (
        "chiudere, chiudi, chiudete, chiudiamo, chiusura, uscire, uscite, usciamo, esci, chiudo, chiudetela"
    ),
    C.CLOSED: "chiuso, chiusa, posizione chiusa, operazione chiusa, trade chiuso",
    C.TAKE_PART: (
        "chiudere una parte, chiudete una parte, chiudere parzialmente, parziale ora, "
        "chiusura parziale, prendere parziali, prendete parziale, chiudete parziale"
    ),
    C.BREAKEVEN: (
        "pareggio, a pareggio, in pareggio, sl all'ingresso, stop all'ingresso, sl a pareggio, "
        "stop a pareggio, sl in pareggio, stop in pareggio, sl all'entrata, stop all'entrata, "
        "sl al prezzo di ingresso, sl a be, stop a be"
    ),
    C.RISK_FREE: "senza rischio, rischio zero, mettere in sicurezza",
    C.MOVE: (
        "spostare, sposta, spostate, spostiamo, modificare, modifica, modificate, mettere, "
        "mettete, metti, alzare, alzate, abbassate, cambiare, cambiate, portare, portate, porta"
    ),
    C.NEW: "nuovo, nuova",
    C.CANCEL: (
        "annullare, annulla, annullate, cancellare, cancella, cancellate, annullato, eliminare, eliminate"
    ),
    C.REMOVE: "rimuovere, rimuovete, togliere, togliete, rimuovi, togli",
    C.LET_RUN: "lasciare correre, lasciate correre, lascia correre",
    C.POSITION: "operazione, operazioni, posizione, posizioni, ordine, ordini, resto, il resto, segnale",
    C.PREVIOUS: "precedente, ultimo, ultima, vecchio",
    C.HIT: "raggiunto, preso, colpito, centrato, toccato",
    C.RUNNING: "in profitto, in guadagno, in corso",
    C.RESULT: "risultato, risultati, riepilogo, resoconto",
    C.PROFIT: "profitto, profitti, guadagno, guadagni, guadagnato",
    C.NOT: "non, mai, non comprate, non vendete, non chiudete, non ancora, evitate, senza, nessun",
    C.IF: (
        "se, quando, dopo, una volta, appena, aspettare, aspettate, attendere, attendete, "
        "in caso di, alla rottura"
    ),
    C.FUTURE: ("presto, stiamo per, possibile, preparatevi, chiuderò, chiuderemo, voglio"),
    C.PLANNED: ("domani, forse, potrebbe, vorrei"),
    C.OPTIONAL: "se volete, se vuoi, opzionale, potete, facoltativo, chi vuole",
    C.ASKING: "dovremmo, devo, perché, chi, posso, dobbiamo",
    C.I_ME: "io, mio, mia, miei, ho",
    C.CANDLE: (
        "candela, chiusura candela, chiusura giornaliera, chiusura sopra, chiusura sotto, "
        "chiude sopra, chiude sotto, chiusura del mercato, chiusura della candela, "
        "chiusura mercato"
    ),
    C.NEAR: "vicino a, vicino, quasi, vicini",
    C.OR: "o, oppure",
    C.AND: "e, poi",
    C.FILLER: (
        "il, lo, gli, del, della, dello, un, uno, una, in, su, per, con, di, al, alla, la, "
        "gestione del rischio, lungo termine, breve termine"
    ),
}
