"""German. Lower case, phrases parted by commas."""

from __future__ import annotations

from signalos_server.domain.signals.words.concepts import Concept as C

WORDS: dict[C, str] = {
    C.BUY: (
        "kaufen, kauf, kaufe, kauft, kaufen sie, käufe, kauforder, einkauf, kaufsignal, "
        "long position, longposition, long gehen, wir kaufen, kaufposition"
    ),
    C.SELL: (
        "verkaufen, verkauf, verkaufe, verkäufe, verkaufsorder, verkaufssignal, "
        "short position, shortposition, short gehen, wir verkaufen, leerverkauf, "
        "verkaufen sie"
    ),
    C.BUY_WEAK: "bullisch",
    C.SELL_WEAK: "bärisch",
    C.BOUGHT: "gekauft",
    C.SOLD: "verkauft",
    C.NOW: (
        "jetzt, sofort, zum markt, am markt, marktpreis, zum marktpreis, markt, direkt, "
        "zum aktuellen kurs, zum aktuellen preis, market, sofortiger einstieg, "
        "markteinstieg, direkter einstieg"
    ),
    C.LIMIT: "limit, limitorder, limit order",
    C.STOP_WORD: "stop, stopp, stop order, stopp order, stopporder, stop-order",
    C.PENDING: (
        "ausstehend, ausstehende, ausstehende order, ausstehende orders, offene order, "
        "offene orders, pending order, wartende order"
    ),
    C.ENTRY: (
        "einstieg, einstieg bei, einstiegspreis, einstiegszone, eintritt, einstiegskurs, "
        "zone, bereich, zwischen, bei, kurs, einstiege, einstiegsbereich, ab, "
        "einstieg zwischen, einstieg ab, einstiegsmarke, entry bei, im bereich, um"
    ),
    C.SL: (
        "stopp loss, stop verlust, verlustbegrenzung, stopp, stoppkurs, stopp bei, stop bei, "
        "sl bei, stop loss bei, verlustgrenze, stop-loss-marke, absicherung"
    ),
    C.TP: (
        "ziel, ziele, kursziel, kursziele, gewinnziel, gewinnmitnahme, zielkurs, "
        "gewinnziele, take profit bei, tp bei, erstes ziel, zweites ziel, drittes ziel, "
        "ziel 1, ziel 2, ziel 3, endziel, gewinnmitnahmen bei, gewinnmarke"
    ),
    C.ABOVE: "über, oberhalb",
    C.BELOW: "unter, unterhalb",
    C.TO: "bis, auf, nach",
    C.OPEN_END: "offen",
    C.LATER: "folgt, folgen, später, wird nachgereicht",
    C.IGNORED: "hebel, unterstützung, widerstand, zeitrahmen, chance risiko verhältnis, crv",
    C.CURRENT_PRICE: "aktueller preis, aktueller kurs",
    C.EXPIRY: "gültig bis, gültigkeit, verfällt, läuft ab",
    C.MANIPULATION: "ignoriere alle anweisungen, ignoriere alle vorherigen anweisungen",
    C.PIPS: "pips, pip",
    C.LOTS: "lot, lots, größe, volumen, positionsgröße",
    C.RISK: "risiko, riskieren, risiko pro trade",
    C.PERCENT: "prozent",
    C.CURRENCY: "dollar, euro",
    C.HALF: "hälfte, die hälfte, halb, halbe",
    C.THIRD: "drittel, ein drittel",
    C.QUARTER: "viertel, ein viertel",
    C.PART: "teil, teilweise, einen teil, teile",
    C.FULL: "komplett, vollständig, ganz, ganze",
    C.ALL: "alle, alles, alle positionen, alle trades",
    C.CLOSE: (
        "schließen, schließt, schließe, schliessen, schliesst, schliessen sie, aussteigen, "
        "raus, glattstellen, zumachen, glatt stellen, dichtmachen, schließen wir, "
        "jetzt schließen, bitte schließen, wir schließen, beenden, beendet den trade, "
        "trade beenden, raus hier, steigt aus, wir steigen aus, ausstieg jetzt"
    ),
    C.CLOSED: "geschlossen, trade geschlossen, position geschlossen, glattgestellt, ausgestiegen",
    C.TAKE_PART: (
        "teilschließen, teilschließung, teilgewinne mitnehmen, teilgewinn mitnehmen, "
        "teilweise schließen, teilgewinne, teil schließen, einen teil schließen, "
        "teilverkauf, teilgewinne sichern, teilgewinn sichern, teilgewinne realisieren, "
        "teilgewinn, teilverkäufe, position verkleinern, position reduzieren, "
        "teilposition schließen, reduzieren, nehmt teilgewinne mit"
    ),
    C.GRAB: (
        "nehmen, nehmt, mitnehmen, sichern, sichert, realisieren, einstreichen, wir nehmen, wir sichern"
    ),
    C.PROFIT_TAKING: (
        "gewinne mitnehmen, gewinn mitnehmen, gewinne sichern, gewinne realisieren, "
        "gewinn sichern, gewinn realisieren, nehmt gewinne mit, gewinne einstreichen"
    ),
    C.BREAKEVEN: (
        "einstand, auf einstand, sl auf einstand, stop auf einstand, sl auf einstieg, "
        "stop auf einstieg, stopp auf einstand, sl auf be, sl auf breakeven, stop auf be, "
        "stopp auf einstieg, stop loss auf einstand, stop loss auf einstieg, "
        "stop auf breakeven, sl auf entry, stop auf entry, sl auf be ziehen, "
        "stop auf be ziehen, sl auf einstiegskurs, stop auf einstiegskurs, stop loss auf be, "
        "stop loss auf breakeven, auf be, auf breakeven, auf entry, sl einstand, "
        "stop einstand, auf einstieg ziehen"
    ),
    C.RISK_FREE: "risikofrei, ohne risiko, absichern, risikolos, trade absichern, position absichern",
    C.MOVE: (
        "verschieben, verschiebt, setzen, setzt, setze, ändern, ändert, anpassen, ziehen, "
        "zieht, nachziehen, nachgezogen, ziehe, stellen, legen, nachziehen auf, anheben, "
        "hebt, heben, senken, senkt, zieht den, setzt den, verschieben wir, ziehen wir, "
        "setzen wir, zieht nach, korrektur, korrigieren, neuer stop, aktualisieren"
    ),
    C.NEW: "neu, neuer, neues, neue",
    C.CANCEL: (
        "stornieren, storniert, storniere, löschen, löscht, lösche, abbrechen, annullieren, "
        "ungültig, streichen, gestrichen, storno, löschen wir, nicht mehr gültig, hinfällig, "
        "annulliert, gelöscht"
    ),
    C.REMOVE: "entfernen, entfernt, entferne, rausnehmen",
    C.TRAIL: "trailing, trailing stop, nachziehstop",
    C.LET_RUN: "laufen lassen, lauft lassen, weiterlaufen lassen, rest laufen lassen",
    C.POSITION: "trade, position, positionen, order, orders, rest, der rest, signal",
    C.PREVIOUS: "vorherige, vorherigen, letzte, letzten, alte",
    C.HIT: (
        "erreicht, getroffen, ausgelöst, abgeholt, erreicht worden, wurde erreicht, "
        "abgearbeitet, eingesammelt"
    ),
    C.STOPPED_OUT: (
        "ausgestoppt, stop ausgelöst, sl ausgelöst, sl erreicht, stop erreicht, "
        "stopp ausgelöst, sl getroffen, stop loss ausgelöst"
    ),
    C.RUNNING: ("im plus, im gewinn, läuft, im profit, aktiviert, liegt im plus, liegen im plus, im grünen"),
    C.RESULT: (
        "ergebnis, ergebnisse, zusammenfassung, rückblick, bilanz, wochenrückblick, "
        "auswertung, statistik, bericht, wochenergebnis"
    ),
    C.PROFIT: "gewinn, gewinne, profit, gewonnen, verdient",
    C.NOT: "nicht, kein, keine, keinen, niemals, nie, noch nicht, ohne",
    C.IF: "wenn, falls, sobald, nachdem, erst wenn, warten, wartet, abwarten, bei bruch, nach",
    C.FUTURE: "werden, werde, wird, möglich, bald, will, bereit machen, warten auf",
    C.PLANNED: (
        "morgen, möglicherweise, vielleicht, könnte, plane, planen, möchte, überlege, "
        "überlegen, denke, nächste woche, eventuell, geplant, würde, vorhaben"
    ),
    C.OPTIONAL: (
        "wer will, wer möchte, optional, könnt, kann man, wenn ihr wollt, ihr könnt, "
        "nach belieben, wer mag, nach eigenem ermessen, falls gewünscht, auf wunsch, "
        "kann man machen"
    ),
    C.ASKING: (
        "soll ich, sollen wir, sollte, warum, wer, wann, kann ich, sollten wir, jemand, "
        "was meint ihr, was denkt ihr, welche, soll man, kaufen oder verkaufen"
    ),
    C.I_ME: "ich, mein, meine, meinen, mir, mich, hab, persönlich, habe, bin raus",
    C.CANDLE: (
        "kerze, kerzenschluss, tagesschluss, tagesschlusskurs, schlusskurs, schließt über, "
        "schließt unter, schluss über, schluss unter, börsenschluss, marktschluss, "
        "wochenschluss, schlusskurse, kerze schließt, candle close, schließt die kerze, "
        "h4 schluss, tagesschluss über, börse geschlossen, markt geschlossen, "
        "schließt der markt, schloss bei, schloss über"
    ),
    C.SHOWN: (
        "beispiel, nur ein beispiel, kein signal, zu lernzwecken, demokonto, simulation, musterbeispiel"
    ),
    C.FORWARDED: "weitergeleitet von, weitergeleitet",
    C.PAST_TIME: "gestern, letzte woche, vorige woche, letzten monat",
    C.NEAR: "nahe, nah, fast, knapp, in der nähe",
    C.OR: "oder",
    C.AND: "und, dann",
    C.FILLER: (
        "guten morgen, der, die, das, den, dem, des, ein, eine, einen, im, am, an, zu, mit, "
        "für, von, risikomanagement, bitte, euer, eure, gratis signal, guten abend, "
        "guten tag, hallo, nicht vergessen, vergesst nicht, denkt an, viel erfolg, leute"
    ),
}
