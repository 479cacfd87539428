"""Hindi, in Devanagari and in Latin letters. Lower case, phrases parted by commas."""

from __future__ import annotations

from signalos_server.domain.signals.words.concepts import Concept as C

WORDS: dict[C, str] = {
    C.BUY: (
        "खरीदें, खरीद, खरीदो, खरीदे, बाय, खरीदना, लॉन्ग, खरीदारी, kharido, kharidein, kharide, "
        "khareedo, kharid lo, buy karo, buy kare, buy karein, buy kar lo"
    ),
    C.SELL: (
        "बेचें, बेचो, बेच, बेचे, सेल, बेचना, शॉर्ट, बिकवाली, becho, bechein, beche, bech do, "
        "sell karo, sell kare, sell karein, sell kar do"
    ),
    C.BOUGHT: "खरीदा, kharida",
    C.SOLD: "बेचा, becha",
    C.NOW: ("अभी, तुरंत, मार्केट, बाजार भाव, बाज़ार भाव, अब, abhi, turant, इसी समय, मार्केट प्राइस, बाजार मूल्य"),
    C.LIMIT: "लिमिट",
    C.STOP_WORD: "स्टॉप",
    C.PENDING: "पेंडिंग, लंबित",
    C.ENTRY: ("प्रवेश, एंट्री, प्रवेश मूल्य, ज़ोन, जोन, पर, से, भाव, कीमत, के बीच, प्रवेश बिंदु, मूल्य, प्राइस, एंट्री प्राइस"),
    C.SL: "स्टॉप लॉस, स्टॉपलॉस, एसएल, हानि रोक, नुकसान रोक, स्टॉप लोस",
    C.TP: (
        "लक्ष्य, टारगेट, टार्गेट, टीपी, टेक प्रॉफिट, मुनाफा वसूली, लाभ, प्रॉफिट बुक, "
        "टेक प्रोफिट, पहला लक्ष्य, दूसरा लक्ष्य, तीसरा लक्ष्य"
    ),
    C.ABOVE: "ऊपर, के ऊपर, से ऊपर, upar",
    C.BELOW: "नीचे, के नीचे, से नीचे, niche",
    C.TO: "तक, tak",
    C.IGNORED: "वर्तमान मूल्य, वर्तमान भाव, सपोर्ट, रेजिस्टेंस, लीवरेज, समय सीमा",
    C.PIPS: "पिप, पिप्स",
    C.LOTS: "लॉट, लोट",
    C.RISK: "जोखिम, रिस्क",
    C.PERCENT: "प्रतिशत",
    C.HALF: "आधा, आधी, आधे, aadha, adha, aadhi",
    C.PART: "आंशिक, कुछ, हिस्सा",
    C.FULL: "पूरा, पूरी, pura, poora",
    C.ALL: "सभी, सब, सारे, sab, sabhi, saare",
    C.CLOSE: (
        "बंद करें, बंद करो, बंद, क्लोज, निकल जाओ, बाहर निकलें, क्लोज करें, band karo, band kare, "
        "band karein, close karo, close kare, close karein, close kar do, nikal jao, बंद कर दें, "
        "बंद कर दो, exit karo"
    ),
    C.CLOSED: "बंद हो गया, बंद किया, बंद कर दिया, band ho gaya, close kar diya, close ho gaya",
    C.TAKE_PART: "आंशिक बंद, आंशिक मुनाफा, कुछ मुनाफा, आंशिक बंद करें",
    C.PROFIT_TAKING: "मुनाफा बुक करें, प्रॉफिट बुक करें, profit book karo, profit book karein",
    C.BREAKEVEN: (
        "ब्रेकइवन, ब्रेक ईवन, एंट्री पर sl, sl एंट्री पर, sl को एंट्री पर, स्टॉप लॉस एंट्री पर, "
        "स्टॉप लॉस को एंट्री पर, sl entry pe, sl ko entry pe, sl entry par, sl ko entry par, "
        "sl cost pe, sl cost par, ब्रेकईवन, स्टॉप लॉस को प्रवेश मूल्य पर, "
        "स्टॉप लॉस प्रवेश मूल्य पर"
    ),
    C.MOVE: ("ले जाएं, बदलें, सेट करें, ले जाएँ, करें, रखें, le aao, le jao, shift karo, move karo, लगाएं, शिफ्ट करें, लाएं"),
    C.NEW: "नया, नई, naya",
    C.CANCEL: ("रद्द, रद्द करें, कैंसिल, रद्द करो, कैंसिल करें, हटाएं, cancel karo, cancel karein, हटा दें"),
    C.POSITION: "ट्रेड, सौदा, पोजीशन, सौदे, ऑर्डर, बाकी, baki",
    C.PREVIOUS: "पिछला, पिछली",
    C.HIT: "हिट, पूरा हुआ, हासिल, छू लिया, ho gaya, हो गया, mil gaya, मिल गया",
    C.RUNNING: "चल रहा, मुनाफे में, chal raha",
    C.RESULT: "परिणाम, नतीजा, रिपोर्ट",
    C.PROFIT: "मुनाफा, फायदा, munafa",
    C.NOT: "नहीं, मत, ना, न, nahi, mat, nahin, na karo, नही",
    C.IF: "अगर, यदि, जब, के बाद, agar, jab, ke baad, इंतजार, प्रतीक्षा, तो",
    C.FUTURE: "करेंगे, होगा, संभव, karenge, करूंगा, तैयार रहें, खरीदेंगे, बेचेंगे, सकता",
    C.PLANNED: "कल, शायद, shayad, kal",
    C.OPTIONAL: "चाहें तो, वैकल्पिक, सकते हैं, चाहो तो, chaho to",
    C.ASKING: "क्या, कब, क्यों, कौन, kya, kab, kyon, kaun",
    C.I_ME: "मैं, मेरा, मेरी, मैंने, maine, mera, ~main",
    C.CANDLE: "कैंडल, कैंडल क्लोज, दैनिक बंद, क्लोजिंग, बाजार बंद, बाज़ार बंद, ऊपर बंद, नीचे बंद",
    C.NEAR: "पास, करीब, लगभग",
    C.OR: "या",
    C.AND: "और, aur",
    C.FILLER: (
        "शॉर्ट टर्म, लॉन्ग टर्म, का, की, के, में, है, हैं, को, को भी, कृपया, जोखिम प्रबंधन, "
        "karo, kare, karein, pe, par, ko, se, hai"
    ),
}
