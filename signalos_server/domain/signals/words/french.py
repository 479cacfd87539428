"""French. Lower case, phrases parted by commas."""

from __future__ import annotations

from signalos_server.domain.signals.words.concepts import Concept as C

WORDS: dict[C, str] = {
    C.BUY: (
        "achat, acheter, achetez, achète, achetons, achats, à l'achat, long, "
        "position acheteuse, ordre d'achat, acheteur, acheteurs, position longue, on achète, "
        "signal d'achat"
    ),
    C.SELL: (
        "vente, vendre, vendez, vends, vendons, ventes, à la vente, short, "
        "position vendeuse, ordre de vente, vendeur, vendeurs, position courte, on vend, "
        "signal de vente"
    ),
    C.BUY_WEAK: "haussier, haussière",
    C.SELL_WEAK: "baissier, baissière",
    C.BOUGHT: "acheté",
    C.SOLD: "vendu",
    C.NOW: (
        "maintenant, immédiat, immédiatement, au marché, prix du marché, tout de suite, "
        "de suite, actuellement au marché, au prix du marché, entrée immédiate, "
        "entrée au marché, au prix actuel, en ce moment, direct"
    ),
    C.LIMIT: "limite, à cours limité, ordre limite, en limite",
    C.STOP_WORD: "ordre stop",
    C.PENDING: "en attente, ordre en attente, ordres en attente, ordres en cours",
    C.ENTRY: (
        "entrée, entrées, prix d'entrée, point d'entrée, zone d'entrée, zone, entrer, "
        "entrer à, entre, prix, autour de, prix entrée, niveau d'entrée, entrée à, "
        "aux alentours de, vers"
    ),
    C.SL: (
        "stop perte, arrêt des pertes, stop suiveur initial, perte max, arrêt de perte, "
        "arrêt perte, stop de protection, stop à, sl à, stop de perte, stop loss à, "
        "niveau de stop, invalidation sous"
    ),
    C.TP: (
        "objectif, objectifs, cible, cibles, prise de profit, prise de bénéfices, "
        "prise de bénéfice, prendre profit, prise profit, tp à, premier objectif, "
        "deuxième objectif, troisième objectif, objectif final, prise de profits, "
        "take profit à, obj"
    ),
    C.ABOVE: "au dessus de, au dessus, au delà de, plus haut que",
    C.BELOW: "en dessous de, au dessous de, en dessous, sous",
    C.TO: "à, jusqu'à, jusque",
    C.OPEN_END: "ouvert, ouverte",
    C.LATER: "à venir, plus tard, à confirmer, sera communiqué, bientôt communiqué",
    C.IGNORED: ("effet de levier, levier, résistance, unité de temps, signal numéro, rapport gain risque"),
    C.CURRENT_PRICE: "prix actuel, cours actuel",
    C.EXPIRY: "valable jusqu'à, valide jusqu'à, expire, expiration, validité",
    C.MANIPULATION: (
        "ignore toutes les instructions, ignorez toutes les instructions, ignore les instructions"
    ),
    C.PIPS: "pips, pip",
    C.LOTS: "lot, lots, taille, volume",
    C.RISK: "risque, risquer, risque par trade",
    C.PERCENT: "pour cent, pourcent",
    C.CURRENCY: "dollars, euros",
    C.HALF: "moitié, la moitié",
    C.THIRD: "tiers, un tiers",
    C.QUARTER: "quart, un quart",
    C.PART: "partie, une partie, partiel, partielle, partiellement",
    C.FULL: "complètement, totalement, entièrement, entière",
    C.ALL: "tout, tous, toutes, toutes les positions, tous les trades",
    C.CLOSE: (
        "fermer, fermez, ferme, fermons, clôturer, clôturez, clôture, clôturons, sortir, "
        "sortez, couper, coupez, sortie immédiate, on ferme, on clôture, on sort, on coupe, "
        "sortons, clôturez maintenant, coupons, fermez maintenant"
    ),
    C.CLOSED: (
        "fermé, fermée, clôturé, clôturée, position fermée, trade fermé, trade clôturé, "
        "position clôturée, sorti, sortis"
    ),
    C.TAKE_PART: (
        "fermer une partie, fermer partiellement, prendre partiel, prise partielle, "
        "fermeture partielle, clôture partielle, prendre des partiels, fermez une partie, "
        "clôturez une partie, prenez des partiels, prenez un partiel, prenez partiel, "
        "on prend un partiel, fermez partiellement, coupez une partie, allégez, alléger, "
        "clôturez partiellement, on allège, partiels"
    ),
    C.GRAB: (
        "prendre, prenez, prends, prenons, sécuriser, encaisser, encaissez, empocher, "
        "empochez, verrouiller, on prend, on sécurise"
    ),
    C.PROFIT_TAKING: (
        "prenez vos profits, prenez vos gains, prendre les profits, encaissez vos gains, "
        "sécurisez vos profits, prenez profit, on prend les profits, prenez vos bénéfices, "
        "on encaisse"
    ),
    C.BREAKEVEN: (
        "seuil de rentabilité, point mort, sl à l'entrée, stop à l'entrée, "
        "sl au prix d'entrée, stop au prix d'entrée, sl au point d'entrée, sl à be, "
        "stop à be, stop loss à l'entrée, mettre be, sl au be, stop au be, sl au breakeven, "
        "stop au breakeven, sl à breakeven, à breakeven, sl à l'équilibre, "
        "stop à l'équilibre, au prix de revient, sl be, stop be, mettez be, passez be, "
        "on passe be, protéger l'entrée, à be"
    ),
    C.RISK_FREE: (
        "sans risque, sécuriser le trade, sécurisez le trade, sécuriser la position, "
        "sécurisez la position, sécurisez, zéro risque, on sécurise le trade, "
        "on sécurise la position"
    ),
    C.MOVE: (
        "déplacer, déplacez, déplace, modifier, modifiez, ajuster, ajustez, mettre, mettez, "
        "placer, placez, monter le, montez, remonter, remontez, descendez, changer, changez, "
        "déplacer le, montez le, descendez le, remontez le, passez, passer, ramenez, "
        "ramener, on déplace, on remonte, resserrez, mets, on met, on monte, corrigez, "
        "correction, mise à jour du"
    ),
    C.NEW: "nouveau, nouvelle, nouvel, nouveaux, nouvelles",
    C.CANCEL: (
        "annuler, annulez, annule, annulation, annulé, annulée, supprimer, supprimez, "
        "invalidé, on annule, plus valable, plus valide, n'est plus valable, "
        "n'est plus valide, supprime, ordre annulé"
    ),
    C.REMOVE: "enlever, enlevez, retirer, retirez, retire",
    C.TRAIL: "stop suiveur, trailing",
    C.LET_RUN: "laisser courir, laissez courir, laisse courir",
    C.POSITION: "trade, position, positions, ordre, ordres, reste, le reste, signal",
    C.PREVIOUS: "précédent, précédente, dernier, dernière, ancien",
    C.HIT: (
        "touché, touchée, atteint, atteinte, validé, validée, touchés, touchées, atteints, "
        "atteintes, tapé, pris"
    ),
    C.STOPPED_OUT: "stop touché, sl touché, stoppé, stoppés, sorti au stop, stop loss touché, sl pris",
    C.RUNNING: (
        "en profit, en gain, en positif, en cours, dans le vert, est en profit, activé, "
        "activée, déclenché, déclenchée"
    ),
    C.RESULT: (
        "résultat, résultats, bilan, récapitulatif, récap, rapport, bilan de la semaine, "
        "bilan hebdomadaire, statistiques"
    ),
    C.PROFIT: "profit, profits, gain, gains, bénéfice, bénéfices, gagné",
    C.NOT: (
        "ne, pas, ne pas, jamais, n'achetez pas, ne vendez pas, ne fermez pas, ni, "
        "pas encore, évitez, éviter, n'achetez, sans"
    ),
    C.IF: (
        "si, quand, lorsque, après, dès que, en cas de, attendre, attendez, une fois, en attendant, cassure"
    ),
    C.FUTURE: (
        "bientôt, on va, je vais, nous allons, possible, préparez vous, fermerai, fermerons, prochaine"
    ),
    C.PLANNED: (
        "demain, peut être, pourrait, voudrais, je pense, pensons, envisage, envisageons, "
        "prévoyons, prévu, la semaine prochaine, j'aimerais, peut-être"
    ),
    C.OPTIONAL: (
        "si vous voulez, si vous le souhaitez, optionnel, facultatif, vous pouvez, pouvez, "
        "au choix, à votre convenance, à vous de voir, ceux qui veulent, "
        "pour ceux qui veulent, si vous préférez, libre à vous"
    ),
    C.ASKING: (
        "dois je, devons nous, pourquoi, qui, est ce que, quand est ce, faut il, doit on, "
        "quelqu'un, quel, quelle, que pensez vous, qu'en pensez vous, comment, j'achète ou"
    ),
    C.I_ME: "je, j'ai, mon, ma, mes, moi, personnellement, j'ai fermé, j'ai clôturé",
    C.CANDLE: (
        "bougie, clôture de bougie, clôture journalière, clôture au dessus, "
        "clôture en dessous, clôture sous, clôture quotidienne, clôture du marché, "
        "fermeture du marché, clôture h4, clôture h1, clôture hebdomadaire, "
        "clôture de la bougie, clôturer au dessus, clôturer en dessous, marché fermé, "
        "clôture sur, clôturé au dessus, clôturé sous, clôturé en"
    ),
    C.SHOWN: (
        "exemple, à titre d'exemple, pas un signal, ceci n'est pas un signal, "
        "à but éducatif, compte démo, simulation"
    ),
    C.FORWARDED: "transféré de, transféré",
    C.PAST_TIME: "hier, la semaine dernière, le mois dernier",
    C.NEAR: "près de, proche de, proche, presque",
    C.OR: "ou",
    C.AND: "et, puis, ensuite",
    C.FILLER: (
        "le, la, les, du, des, de, l', un, une, en, sur, par, avec, pour, au, aux, votre, "
        "vos, gestion du risque, vous, signal gratuit, paire, il, elle, long terme, "
        "court terme, bonjour, bonsoir, n'oubliez pas de, n'oubliez pas, pensez à, "
        "gérez votre risque, les amis, la team, swing, ne pas oublier"
    ),
}
