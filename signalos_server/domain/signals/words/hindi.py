"""Hindi, in Devanagari and in Latin letters. Lower case, phrases parted by commas."""

from __future__ import annotations

from signalos_server.domain.signals.words.concepts import Concept as C

WORDS: dict[C, str] = {
    C.BUY: (
        "खरीदें, खरीद, खरीदो, खरीदे, बाय, खरीदना, लॉन्ग, खरीदारी, kharido, kharidein, "
        "kharide, khareedo, kharid lo, buy karo, buy kare, buy karein, buy kar lo, बाय करें, "
        "बाय करो, खरीद लो, खरीद लें, खरीदारी करें, kharid, buy kar, खरीददारी, लॉन्ग करें"
    ),
    C.SELL: (
        "बेचें, बेचो, बेच, बेचे, सेल, बेचना, शॉर्ट, बिकवाली, becho, bechein, beche, bech do, "
        "sell karo, sell kare, sell karein, sell kar do, सेल करें, सेल करो, बेच दो, बेच दें, "
        "बिकवाली करें, sell kar, शॉर्ट करें, bech"
    ),
    C.BOUGHT: "खरीदा, kharida",
    C.SOLD: "बेचा, becha",
    C.NOW: (
        "अभी, तुरंत, मार्केट, बाजार भाव, बाज़ार भाव, अब, abhi, turant, इसी समय, "
        "मार्केट प्राइस, बाजार मूल्य, मौजूदा भाव, मौजूदा भाव पर, मार्केट भाव, बाजार भाव पर, "
        "सीएमपी, मौजूदा कीमत पर, अभी के अभी, cmp par, isi bhav"
    ),
    C.LIMIT: "लिमिट, लिमिट ऑर्डर",
    C.STOP_WORD: "स्टॉप, स्टॉप ऑर्डर",
    C.PENDING: "पेंडिंग, लंबित",
    C.ENTRY: (
        "प्रवेश, एंट्री, प्रवेश मूल्य, ज़ोन, जोन, पर, से, भाव, कीमत, के बीच, प्रवेश बिंदु, "
        "मूल्य, प्राइस, एंट्री प्राइस, एंट्री ज़ोन, एंट्री पॉइंट, ke beech, bhav, के पास, "
        "के आसपास"
    ),
    C.SL: (
        "स्टॉप लॉस, स्टॉपलॉस, एसएल, हानि रोक, नुकसान रोक, स्टॉप लोस, नुकसान सीमा, एस एल, "
        "स्टॉपलोस, stop laga, sl lagao, stoploss lagao, स्टॉप लॉस लगाएं"
    ),
    C.TP: (
        "लक्ष्य, टारगेट, टार्गेट, टीपी, टेक प्रॉफिट, मुनाफा वसूली, लाभ, प्रॉफिट बुक, "
        "टेक प्रोफिट, पहला लक्ष्य, दूसरा लक्ष्य, तीसरा लक्ष्य, टारगेट 1, टारगेट 2, टारगेट 3, "
        "पहला टारगेट, दूसरा टारगेट, तीसरा टारगेट, लक्ष्य 1, लक्ष्य 2, लक्ष्य 3, टी पी, "
        "टारगेट्स, लक्ष्य मूल्य, टीपी1, टीपी2, टार्गेट 1, टार्गेट 2"
    ),
    C.ABOVE: "ऊपर, के ऊपर, से ऊपर, upar",
    C.BELOW: "नीचे, के नीचे, से नीचे, niche",
    C.TO: "तक, tak",
    C.LATER: "बाद में, बाद में बताएंगे, जल्द अपडेट",
    C.IGNORED: "सपोर्ट, रेजिस्टेंस, लीवरेज, समय सीमा",
    C.CURRENT_PRICE: "वर्तमान मूल्य, वर्तमान भाव",
    C.EXPIRY: "तक मान्य, वैधता",
    C.MANIPULATION: "सभी निर्देशों को अनदेखा, पिछले निर्देशों को अनदेखा",
    C.PIPS: "पिप, पिप्स",
    C.LOTS: "लॉट, लोट",
    C.RISK: "जोखिम, रिस्क",
    C.PERCENT: "प्रतिशत",
    C.CURRENCY: "डॉलर, रुपये",
    C.HALF: "आधा, आधी, आधे, aadha, adha, aadhi",
    C.PART: "आंशिक, कुछ, हिस्सा",
    C.FULL: "पूरा, पूरी, pura, poora",
    C.ALL: "सभी, सब, सारे, sab, sabhi, saare",
    C.CLOSE: (
        "बंद करें, बंद करो, बंद, क्लोज, निकल जाओ, बाहर निकलें, क्लोज करें, band karo, "
        "band kare, band karein, close karo, close kare, close karein, close kar do, "
        "nikal jao, बंद कर दें, बंद कर दो, exit karo, क्लोज करो, बंद कर देना, निकल जाएं, "
        "बाहर निकलो, निकलो, nikal lo, nikal jaao, exit kar lo, exit kare, exit kar do, "
        "काट दो, kaat do, पोजीशन काटें, बाहर आ जाएं"
    ),
    C.CLOSED: "बंद हो गया, बंद किया, बंद कर दिया, band ho gaya, close kar diya, close ho gaya",
    C.TAKE_PART: (
        "आंशिक बंद, आंशिक मुनाफा, कुछ मुनाफा, आंशिक बंद करें, आंशिक प्रॉफिट बुक करें, "
        "आंशिक बुक, partial book karo, partial close karo, कुछ प्रॉफिट बुक करें, "
        "हिस्सा बंद करें, partial profit book karo, कुछ मात्रा बंद करें"
    ),
    C.GRAB: "बुक करें, बुक करो, बुक, book karo, book karein, book kare, ले लो, le lo, लॉक करें",
    C.PROFIT_TAKING: (
        "मुनाफा बुक करें, प्रॉफिट बुक करें, profit book karo, profit book karein, "
        "मुनाफा बुक करो, प्रॉफिट बुक करो, profit book kare, profit le lo, profit lo, "
        "मुनाफा ले लो, प्रॉफिट ले लो, मुनाफा वसूल करें"
    ),
    C.BREAKEVEN: (
        "ब्रेकइवन, ब्रेक ईवन, एंट्री पर sl, sl एंट्री पर, sl को एंट्री पर, "
        "स्टॉप लॉस एंट्री पर, स्टॉप लॉस को एंट्री पर, sl entry pe, sl ko entry pe, "
        "sl entry par, sl ko entry par, sl cost pe, sl cost par, ब्रेकईवन, "
        "स्टॉप लॉस को प्रवेश मूल्य पर, स्टॉप लॉस प्रवेश मूल्य पर, sl को एंट्री पर लाएं, "
        "एसएल एंट्री पर, एसएल को एंट्री पर, स्टॉप एंट्री पर, sl entry pe lao, "
        "sl entry par lao, sl breakeven par, sl ko breakeven par, sl ko cost par, "
        "sl ko cost pe, cost to cost, एंट्री पर लाएं, कॉस्ट पर, ब्रेकइवन पर"
    ),
    C.RISK_FREE: "जोखिम मुक्त, रिस्क फ्री, risk free",
    C.MOVE: (
        "ले जाएं, बदलें, सेट करें, ले जाएँ, करें, रखें, le aao, le jao, shift karo, "
        "move karo, लगाएं, शिफ्ट करें, लाएं, बढ़ाएं, बदलो, शिफ्ट करो, ऊपर करें, नीचे करें, "
        "le aaye, lagao, kar do, set karo, अपडेट, ट्रेल करें"
    ),
    C.NEW: "नया, नई, naya",
    C.CANCEL: (
        "रद्द, रद्द करें, कैंसिल, रद्द करो, कैंसिल करें, हटाएं, cancel karo, cancel karein, "
        "हटा दें, रद्द कर दें, ऑर्डर हटाएं, cancel kar do, cancel kare, hata do, "
        "कैंसिल कर दें, डिलीट करें, delete karo"
    ),
    C.TRAIL: "ट्रेलिंग, ट्रेल, trail karo, trail karein",
    C.POSITION: "ट्रेड, सौदा, पोजीशन, सौदे, ऑर्डर, बाकी, baki",
    C.PREVIOUS: "पिछला, पिछली",
    C.HIT: (
        "हिट, पूरा हुआ, हासिल, छू लिया, ho gaya, हो गया, mil gaya, मिल गया, टारगेट हिट, "
        "हिट हुआ, आ गया, aa gaya, hit ho gaya, हिट हो गया, मिला, achieve"
    ),
    C.STOPPED_OUT: "स्टॉप लॉस हिट, एसएल हिट, sl hit ho gaya, sl lag gaya, स्टॉप लॉस लग गया",
    C.RUNNING: ("चल रहा, मुनाफे में, chal raha, प्रॉफिट में, मुनाफे में चल रहा, profit me, profit mein, चल रहा है"),
    C.RESULT: "परिणाम, नतीजा, रिपोर्ट, साप्ताहिक रिपोर्ट, सारांश",
    C.PROFIT: "मुनाफा, फायदा, munafa",
    C.NOT: "नहीं, मत, ना, न, nahi, mat, nahin, na karo, नही",
    C.IF: "अगर, यदि, जब, के बाद, agar, jab, ke baad, इंतजार, प्रतीक्षा, तो",
    C.FUTURE: "करेंगे, होगा, संभव, karenge, करूंगा, तैयार रहें, खरीदेंगे, बेचेंगे, सकता",
    C.PLANNED: "कल, शायद, shayad, kal, सोच रहा, सोच रहे, योजना, अगले हफ्ते, soch raha, हो सकता",
    C.OPTIONAL: ("चाहें तो, वैकल्पिक, सकते हैं, चाहो तो, chaho to, जो चाहें, अगर चाहें, आपकी मर्जी, jo chahe, चाहे तो"),
    C.ASKING: ("क्या, कब, क्यों, कौन, kya, kab, kyon, kaun, कोई, kaise, कैसे, koi, खरीदें या बेचें, क्या करें"),
    C.I_ME: "मैं, मेरा, मेरी, मैंने, maine, mera, ~main, मेरे, mujhe, मुझे",
    C.CANDLE: (
        "कैंडल, कैंडल क्लोज, दैनिक बंद, क्लोजिंग, बाजार बंद, बाज़ार बंद, ऊपर बंद, नीचे बंद, "
        "कैंडल बंद, ऊपर क्लोज, नीचे क्लोज, डेली क्लोज, मार्केट बंद, साप्ताहिक क्लोज, "
        "candle close ho, क्लोज देता"
    ),
    C.SHOWN: "उदाहरण, सिर्फ उदाहरण, शैक्षिक, डेमो, example ke liye",
    C.PAST_TIME: "पिछले हफ्ते, पिछले महीने",
    C.NEAR: "पास, करीब, लगभग",
    C.OR: "या",
    C.AND: "और, aur",
    C.FILLER: (
        "शॉर्ट टर्म, लॉन्ग टर्म, का, की, के, में, है, हैं, को, को भी, कृपया, जोखिम प्रबंधन, "
        "karo, kare, karein, pe, par, ko, se, hai, सुप्रभात, नमस्ते, दोस्तों, ध्यान रखें, "
        "मत भूलें, भूलें नहीं, mat bhulna, bhai, भाई, dosto, जय हिंद, rakho, rakhe, रखो, ka, "
        "ki, ke, me, mein"
    ),
}
