"""Turkish. Lower case, phrases parted by commas."""

from __future__ import annotations

from signalos_server.domain.signals.words.concepts import Concept as C

WORDS: dict[C, str] = {
    C.BUY: (
        "al, alış, alım, satın al, alın, alıyoruz, alınız, uzun pozisyon, alış yap, "
        "alım yap, alış yapın, alış emri, long aç, buy aç, alım fırsatı, alış işlemi, "
        "alım işlemi, long pozisyon, alıyorum, alım bölgesi, alım emri, alabilirsiniz"
    ),
    C.SELL: (
        "~sat, satış, satım, satın, satıyoruz, satınız, kısa pozisyon, satış yap, "
        "satış yapın, satış emri, short aç, sell aç, satış işlemi, satım işlemi, "
        "short pozisyon, satış bölgesi, satım emri"
    ),
    C.BUY_WEAK: "yükseliş, boğa",
    C.SELL_WEAK: "düşüş, ayı",
    C.BOUGHT: "aldık, aldım",
    C.SOLD: "sattık, sattım",
    C.NOW: (
        "şimdi, hemen, piyasa, piyasa fiyatı, piyasadan, anlık, şu an, piyasa emri, "
        "piyasa fiyatından, anlık fiyattan, şuan, derhal, güncel fiyattan, market"
    ),
    C.LIMIT: "limit, limitli",
    C.STOP_WORD: "stop emri",
    C.PENDING: "bekleyen, bekleyen emir, bekleyen emirler",
    C.ENTRY: (
        "giriş, giriş fiyatı, giriş seviyesi, giriş bölgesi, bölge, aralık, arası, fiyat, "
        "seviyesinden, giriş noktası, aralığı, giriş aralığı, giriş yeri, giriş seviyeleri, "
        "civarı, civarından, seviyesi, giriş fiyatım"
    ),
    C.SL: (
        "zarar durdur, zararı durdur, zarar kes, stop seviyesi, zarar durdurma, durdurma, "
        "zarar kesme, stop noktası, stop loss seviyesi, zarar durdur seviyesi, stopumuz"
    ),
    C.TP: (
        "hedef, hedefler, kar al, kâr al, kar hedefi, kar alma, hedef fiyat, kâr hedefi, "
        "hedef 1, hedef 2, hedef 3, ilk hedef, ikinci hedef, üçüncü hedef, son hedef, "
        "kar noktası, kâr noktası, kar al seviyesi, hedefimiz, hedefi, kar hedefleri"
    ),
    C.ABOVE: "üstü, üstünde, üzeri, üzerinde, üzerinden",
    C.BELOW: "altı, altında, altından",
    C.TO: "ile, kadar",
    C.OPEN_END: "açık",
    C.LATER: "daha sonra, paylaşılacak, güncellenecek, gelecek",
    C.IGNORED: "kaldıraç, destek, direnç, zaman dilimi, sinyal no",
    C.CURRENT_PRICE: "güncel fiyat, anlık fiyat",
    C.EXPIRY: "geçerlilik, tarihine kadar geçerli, kadar geçerli, geçerlilik süresi",
    C.MANIPULATION: "tüm talimatları yok say, önceki talimatları yok say",
    C.PIPS: "pip, pips, pipi",
    C.LOTS: "lot, hacim, lot büyüklüğü",
    C.RISK: "risk, riski, işlem başına risk",
    C.PERCENT: "yüzde",
    C.HALF: "yarı, yarısı, yarısını, yarım, yarısını kapat",
    C.THIRD: "üçte bir",
    C.QUARTER: "çeyrek, dörtte bir, çeyreğini",
    C.PART: "kısmi, bir kısmı, bir kısmını, kısmen",
    C.FULL: "tamamen, tam, tamamını",
    C.ALL: "hepsi, hepsini, tüm, tümü, tümünü, bütün, tüm işlemleri, tüm pozisyonları",
    C.CLOSE: (
        "kapat, kapatın, kapatınız, kapatıyoruz, kapatalım, çık, çıkın, çıkış, çıkıyoruz, "
        "kapatılsın, kapatabiliriz, işlemi kapatın, işlemi kapat, hemen kapatın, "
        "pozisyonu kapat, pozisyonu kapatın, kapatılmalı, çıkalım, işlemden çıkın, "
        "çıkış yapın"
    ),
    C.CLOSED: (
        "kapandı, kapatıldı, kapattık, işlem kapatıldı, işlem kapandı, pozisyon kapatıldı, çıktım, çıktık"
    ),
    C.TAKE_PART: (
        "kısmi kapat, kısmi kapatın, kısmi kar al, kısmi kâr al, bir kısmını kapat, "
        "bir kısmını kapatın, kısmi kapama, kısmi kar alın, kısmi kâr alın, kısmi kapatma, "
        "kısmi çıkış, bir miktar kapatın, pozisyonu azaltın, kısmi kapatalım, "
        "kısmi kar alalım"
    ),
    C.GRAB: "al kârı, alalım, kilitleyin, realize edin, realize et, cebe koyun, alın kârı",
    C.PROFIT_TAKING: (
        "kar alın, kâr alın, karı alın, kârı alın, kar realizasyonu, kârınızı alın, karınızı alın, kar alalım"
    ),
    C.BREAKEVEN: (
        "başabaş, başa baş, sl girişe, stop girişe, stopu girişe, sl'yi girişe, sl'i girişe, "
        "stop giriş seviyesine, stopu giriş seviyesine, giriş seviyesine, stopları girişe, "
        "girişe çek, girişe çekin, giriş fiyatına, zarar durdur girişe, stop girişe çekin, "
        "sl girişe çekin, stopu girişe çekin, stopu başabaşa, sl başabaş, stop başabaş, "
        "be yapın, stop giriş, girişe taşıyın, stopları giriş seviyesine, sl giriş fiyatına, "
        "stop giriş fiyatına"
    ),
    C.RISK_FREE: "risksiz, riski sıfırla, riski sıfırlayın, sıfır risk",
    C.MOVE: (
        "taşı, taşıyın, çek, çekin, değiştir, değiştirin, güncelle, güncelleyin, ayarla, "
        "ayarlayın, yükselt, yükseltin, getirin, getir, çekelim, taşıyalım, yükseltelim, "
        "düşürün, düzeltme, düzeltelim, güncelledik, güncellendi, çekiyoruz, taşıyoruz"
    ),
    C.NEW: "yeni",
    C.CANCEL: (
        "iptal, iptal et, iptal edin, iptal edildi, sil, silin, iptal edelim, geçersiz, "
        "iptal ediyoruz, emri silin, emri iptal edin, iptaldir, iptal oldu, siliyoruz"
    ),
    C.REMOVE: "kaldır, kaldırın",
    C.TRAIL: "takip eden stop, iz süren stop, trailing",
    C.LET_RUN: "bırakın koşsun, devam etsin, koşsun",
    C.POSITION: (
        "işlem, işlemi, işlemler, işlemleri, pozisyon, pozisyonu, pozisyonlar, pozisyonları, "
        "emir, emri, emirler, emirleri, sinyal, kalan, kalanı"
    ),
    C.PREVIOUS: "önceki, eski",
    C.HIT: "ulaşıldı, geldi, görüldü, vurdu, tamam, tamamlandı, gördü, alındı, ulaştı, vuruldu",
    C.STOPPED_OUT: (
        "stop oldu, stop olduk, stop patladı, sl oldu, zarar durdur çalıştı, stop çalıştı, stoplandık"
    ),
    C.RUNNING: "karda, kârda, devam ediyor, artıda, kardayız, kârdayız, aktif, aktif oldu, artıdayız",
    C.RESULT: "sonuç, sonuçlar, özet, rapor, haftalık rapor, performans, haftalık özet, istatistik",
    C.PROFIT: "kar, kâr, kazanç, kazandık",
    C.NOT: ("değil, almayın, satmayın, kapatmayın, alma, satma, kapatma, yapmayın, asla, girmeyin, henüz"),
    C.IF: (
        "eğer, olursa, gelirse, kırarsa, sonra, gelince, olunca, bekleyin, bekle, ulaşırsa, "
        "kapanırsa, ulaşınca, kırılırsa"
    ),
    C.FUTURE: ("yakında, hazırlanın, hazır olun, kapatacağız, alacağız, satacağız, kapatacağım, muhtemel"),
    C.PLANNED: (
        "yarın, belki, olabilir, düşünüyorum, düşünüyoruz, planlıyoruz, gelecek hafta, "
        "haftaya, acaba, planlıyorum"
    ),
    C.OPTIONAL: (
        "isterseniz, isteyen, isteyenler, dilerseniz, opsiyonel, isteğe bağlı, dileyen, "
        "dileyenler, tercihinize kalmış, size kalmış, arzu eden"
    ),
    C.ASKING: (
        "mı, mi, mu, mü, kapatalım mı, neden, kim, ne zaman, nasıl, var mı, almalı mıyız, "
        "satmalı mıyız, ne düşünüyorsunuz"
    ),
    C.I_ME: "ben, benim, bence, kendi, şahsen, ben kapattım",
    C.CANDLE: (
        "mum, mum kapanışı, günlük kapanış, kapanış, piyasa kapanışı, üzerinde kapanış, "
        "altında kapanış, mum kapanırsa, haftalık kapanış, kapanış üzerinde, "
        "kapanış altında, piyasa kapalı, günü kapattı, üzerinde kapatırsa"
    ),
    C.SHOWN: (
        "örnek, sadece örnek, sinyal değildir, sinyal değil, eğitim amaçlı, demo hesap, "
        "yatırım tavsiyesi örneği"
    ),
    C.FORWARDED: "iletildi, iletilen",
    C.PAST_TIME: "dün, geçen hafta, geçen ay",
    C.NEAR: "yakın, yaklaştı, neredeyse, yaklaşıyor",
    C.OR: "veya, ya da",
    C.AND: "ve, ayrıca",
    C.FILLER: (
        "bir, bu, için, de, da, yapın, edin, lütfen, risk yönetimi, olarak, fiyattan, "
        "günaydın, iyi akşamlar, merhaba, arkadaşlar, yatırım tavsiyesi değildir, unutmayın, "
        "bol kazançlar, hayırlı olsun"
    ),
}
