"""French. Lower case, phrases parted by commas."""

from __future__ import annotations

from signalos_server.domain.signals.words.concepts import Concept as C

WORDS: dict[C, str] = {
    C.BUY: "achat, acheter, achetez, achète, achetons, achats, à l'achat, long",
    C.SELL: "vente, vendre, vendez, vends, vendons, ventes, à la vente, short",
    C.BUY_WEAK: "haussier, haussière",
    C.SELL_WEAK: "baissier, baissière",
    C.BOUGHT: "acheté",
    C.SOLD: "vendu",
    C.NOW: (
        "maintenant, immédiat, immédiatement, au marché, prix du marché, tout de suite, "
        "de suite, actuellement au marché"
    ),
    C.LIMIT: "limite, à cours limité",
    C.PENDING: "en attente, ordre en attente, ordres en attente, ordres en cours",
    C.ENTRY: (
        "entrée, entrées, prix d'entrée, point d'entrée, zone d'entrée, zone, entrer, entrer à, "
        "entre, prix, autour de"
    ),
    C.SL: (
        "stop perte, arrêt des pertes, stop suiveur initial, perte max, arrêt de perte, "
        "arrêt perte, stop de protection"
    ),
    C.TP: (
        "objectif, objectifs, cible, cibles, prise de profit, prise de bénéfices, "
        "prise de bénéfice, prendre profit, prise profit"
    ),
    C.ABOVE: "au dessus de, au dessus",
    C.BELOW: "en dessous de, au dessous de, en dessous, sous",
    C.TO: "à, jusqu'à, jusque",
    C.OPEN_END: "ouvert, ouverte",
    C.IGNORED: (
        "prix actuel, cours actuel, effet de levier, levier, résistance, unité de temps, "
        "signal numéro, rapport gain risque"
    ),
    C.LOTS: "lot, lots, taille, volume",
    C.RISK: "risque, risquer, risque par trade",
    C.PERCENT: "pour cent, pourcent",
    C.HALF: "moitié, la moitié",
    C.THIRD: "tiers, un tiers",
    C.QUARTER: "quart, un quart",
    C.PART: "partie, une partie, partiel, partielle, partiellement",
    C.FULL: "complètement, totalement, entièrement, entière",
    C.ALL: "tout, tous, toutes, toutes les positions, tous les trades",
    C.CLOSE: (
        "fermer, fermez, ferme, fermons, clôturer, clôturez, clôture, clôturons, sortir, sortez, "
        "couper, coupez, sortie immédiate, on ferme, on clôture, on sort"
    ),
    C.CLOSED: (
        "fermé, fermée, clôturé, clôturée, position fermée, trade fermé, trade clôturé, position clôturée"
    ),
    C.TAKE_PART: (
        "fermer une partie, fermer partiellement, prendre partiel, prise partielle, "
        "fermeture partielle, clôture partielle, prendre des partiels, fermez une partie, "
        "clôturez une partie"
    ),
    C.BREAKEVEN: (
        "seuil de rentabilité, point mort, sl à l'entrée, stop à l'entrée, sl au prix d'entrée, "
        "stop au prix d'entrée, sl au point d'entrée, sl à be, stop à be, stop loss à l'entrée, "
        "mettre be, sl au be, stop au be"
    ),
    C.RISK_FREE: (
        "sans risque, sécuriser le trade, sécurisez le trade, sécuriser la position, "
        "sécurisez la position, sécurisez"
    ),
    C.MOVE: (
        "déplacer, déplacez, déplace, modifier, modifiez, ajuster, ajustez, mettre, mettez, "
        "placer, placez, monter le, montez, remonter, remontez, descendez, changer, changez"
    ),
    C.NEW: "nouveau, nouvelle, nouvel",
    C.CANCEL: "annuler, annulez, annule, annulation, annulé, annulée, supprimer, supprimez, invalidé",
    C.REMOVE: "enlever, enlevez, retirer, retirez, retire",
    C.LET_RUN: "laisser courir, laissez courir, laisse courir",
    C.POSITION: "trade, position, positions, ordre, ordres, reste, le reste, signal",
    C.PREVIOUS: "précédent, précédente, dernier, dernière, ancien",
    C.HIT: "touché, touchée, atteint, atteinte, validé, validée, touchés",
    C.RUNNING: "en profit, en gain, en positif, en cours",
    C.RESULT: "résultat, résultats, bilan, récapitulatif, récap",
    C.PROFIT: "profit, profits, gain, gains, bénéfice, bénéfices, gagné",
    C.NOT: (
        "ne, pas, ne pas, jamais, n'achetez pas, ne vendez pas, ne fermez pas, ni, pas encore, "
        "évitez, éviter, n'achetez, sans"
    ),
    C.IF: (
        "si, quand, lorsque, après, dès que, en cas de, attendre, attendez, une fois, en attendant, cassure"
    ),
    C.FUTURE: (
        "bientôt, on va, je vais, nous allons, possible, préparez vous, fermerai, fermerons, prochaine"
    ),
    C.PLANNED: ("demain, peut être, pourrait, voudrais"),
    C.OPTIONAL: (
        "si vous voulez, si vous le souhaitez, optionnel, facultatif, vous pouvez, pouvez, au choix"
    ),
    C.ASKING: "dois je, devons nous, pourquoi, qui, est ce que, quand est ce, faut il, doit on",
    C.I_ME: "je, j'ai, mon, ma, mes, moi",
    C.CANDLE: (
        "bougie, clôture de bougie, clôture journalière, clôture au dessus, clôture en dessous, "
        "clôture sous, clôture quotidienne, clôture du marché, fermeture du marché, clôture h4, "
        "clôture h1"
    ),
    C.NEAR: "près de, proche de, proche, presque",
    C.OR: "ou",
    C.AND: "et, puis, ensuite",
    C.FILLER: (
        "le, la, les, du, des, de, l', un, une, en, sur, par, avec, pour, au, aux, votre, vos, "
        "gestion du risque, vous, signal gratuit, paire, il, elle, long terme, court terme"
    ),
}
