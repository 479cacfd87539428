"""German. Lower case, phrases parted by commas."""

from __future__ import annotations

from signalos_server.domain.signals.words.concepts import Concept as C

WORDS: dict[C, str] = {
    C.BUY: "kaufen, kauf, kaufe, kauft, kaufen sie, käufe, kauforder, einkauf",
    C.SELL: "verkaufen, verkauf, verkaufe, verkauft jetzt, verkäufe, verkaufsorder",
    C.BUY_WEAK: "bullisch",
    C.SELL_WEAK: "bärisch",
    C.BOUGHT: "gekauft",
    C.SOLD: "verkauft",
    C.NOW: "jetzt, sofort, zum markt, am markt, marktpreis, zum marktpreis, markt, direkt",
    C.LIMIT: "limit, limitorder, limit order",
    C.STOP_WORD: "stop, stopp, stop order, stopp order",
    C.PENDING: (
        "ausstehend, ausstehende, ausstehende order, ausstehende orders, offene order, "
        "offene orders, pending order, wartende order"
    ),
    C.ENTRY: (
        "einstieg, einstieg bei, einstiegspreis, einstiegszone, eintritt, einstiegskurs, zone, "
        "bereich, zwischen, bei, kurs, einstiege, einstiegsbereich, ab"
    ),
    C.SL: "stopp loss, stop verlust, verlustbegrenzung, stopp, stoppkurs, stopp bei",
    C.TP: (
        "ziel, ziele, kursziel, kursziele, gewinnziel, gewinnmitnahme, zielkurs, gewinnziele, take profit bei"
    ),
    C.ABOVE: "über, oberhalb",
    C.BELOW: "unter, unterhalb",
    C.TO: "bis, auf, nach",
    C.OPEN_END: "offen",
    C.IGNORED: (
        "aktueller preis, aktueller kurs, hebel, unterstützung, widerstand, zeitrahmen, "
        "chance risiko verhältnis, crv"
    ),
    C.LOTS: "lot, lots, größe, volumen, positionsgröße",
    C.RISK: "risiko, riskieren, risiko pro trade",
    C.PERCENT: "prozent",
    C.HALF: "hälfte, die hälfte, halb, halbe",
    C.THIRD: "drittel, ein drittel",
    C.QUARTER: "viertel, ein viertel",
    C.PART: "teil, teilweise, einen teil, teile",
    C.FULL: "komplett, vollständig, ganz, ganze",
    C.ALL: "alle, alles, alle positionen, alle trades",
    C.CLOSE: (
        "schließen, schließt, schließe, schliessen, schliesst, schliessen sie, aussteigen, raus, "
        "glattstellen, zumachen, glatt stellen, dichtmachen, schließen wir"
    ),
    C.CLOSED: "geschlossen, trade geschlossen, position geschlossen, glattgestellt, ausgestiegen",
    C.TAKE_PART: (
        "teilschließen, teilschließung, teilgewinne mitnehmen, teilgewinn mitnehmen, "
        "teilweise schließen, teilgewinne, teil schließen, einen teil schließen, teilverkauf"
    ),
    C.BREAKEVEN: (
        "einstand, auf einstand, sl auf einstand, stop auf einstand, sl auf einstieg, "
        "stop auf einstieg, stopp auf einstand, sl auf be, sl auf breakeven, stop auf be, "
        "stopp auf einstieg, stop loss auf einstand, stop loss auf einstieg, stop auf breakeven, "
        "sl auf entry, stop auf entry"
    ),
    C.RISK_FREE: "risikofrei, ohne risiko, absichern",
    C.MOVE: (
        "verschieben, verschiebt, setzen, setzt, setze, ändern, ändert, anpassen, ziehen, zieht, "
        "nachziehen, nachgezogen, ziehe, stellen, legen"
    ),
    C.NEW: "neu, neuer, neues, neue",
    C.CANCEL: (
        "stornieren, storniert, storniere, löschen, löscht, lösche, abbrechen, annullieren, "
        "ungültig, streichen"
    ),
    C.REMOVE: "entfernen, entfernt, entferne, rausnehmen",
    C.LET_RUN: "laufen lassen, lauft lassen, weiterlaufen lassen, rest laufen lassen",
    C.POSITION: "trade, position, positionen, order, orders, rest, der rest, signal",
    C.PREVIOUS: "vorherige, vorherigen, letzte, letzten, alte",
    C.HIT: "erreicht, getroffen, ausgelöst, abgeholt",
    C.RUNNING: "im plus, im gewinn, läuft",
    C.RESULT: "ergebnis, ergebnisse, zusammenfassung, rückblick, bilanz",
    C.PROFIT: "gewinn, gewinne, profit, gewonnen, verdient",
    C.NOT: "nicht, kein, keine, keinen, niemals, nie, noch nicht, ohne",
    C.IF: "wenn, falls, sobald, nachdem, erst wenn, warten, wartet, abwarten, bei bruch, nach",
    C.FUTURE: ("werden, werde, wird, möglich, bald, will, bereit machen, warten auf"),
    C.PLANNED: ("morgen, möglicherweise, vielleicht, könnte, plane, planen, möchte"),
    C.OPTIONAL: ("wer will, wer möchte, optional, könnt, kann man, wenn ihr wollt, ihr könnt, nach belieben"),
    C.ASKING: "soll ich, sollen wir, sollte, warum, wer, wann, kann ich, sollten wir",
    C.I_ME: "ich, mein, meine, meinen, mir, mich, hab",
    C.CANDLE: (
        "kerze, kerzenschluss, tagesschluss, tagesschlusskurs, schlusskurs, schließt über, "
        "schließt unter, schluss über, schluss unter, börsenschluss, marktschluss, wochenschluss"
    ),
    C.NEAR: "nahe, nah, fast, knapp, in der nähe",
    C.OR: "oder",
    C.AND: "und, dann",
    C.FILLER: (
        "guten morgen, der, die, das, den, dem, des, ein, eine, einen, im, am, an, zu, mit, für, von, "
        "risikomanagement, bitte, euer, eure, gratis signal"
    ),
}
