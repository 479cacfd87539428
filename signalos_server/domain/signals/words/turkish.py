"""Turkish. Lower case, phrases parted by commas."""

from __future__ import annotations

from signalos_server.domain.signals.words.concepts import Concept as C

WORDS: dict[C, str] = {
    C.BUY: (
        "al, alış, alım, satın al, alın, alıyoruz, alınız, uzun pozisyon, alış yap, alım yap, "
        "alış yapın, alış emri"
    ),
    C.SELL: (
        "~sat, satış, satım, satın, satıyoruz, satınız, kısa pozisyon, satış yap, satış yapın, satış emri"
    ),
    C.BUY_WEAK: "yükseliş, boğa",
    C.SELL_WEAK: "düşüş, ayı",
    C.BOUGHT: "aldık, aldım",
    C.SOLD: "sattık, sattım",
    C.NOW: "şimdi, hemen, piyasa, piyasa fiyatı, piyasadan, anlık, şu an, piyasa emri",
    C.LIMIT: "limit, limitli",
    C.PENDING: "bekleyen, bekleyen emir, bekleyen emirler",
    C.ENTRY: (
        "giriş, giriş fiyatı, giriş seviyesi, giriş bölgesi, bölge, aralık, arası, fiyat, "
        "seviyesinden, giriş noktası, aralığı"
    ),
    C.SL: "zarar durdur, zararı durdur, zarar kes, stop seviyesi, zarar durdurma, durdurma",
    C.TP: "hedef, hedefler, kar al, kâr al, kar hedefi, kar alma, hedef fiyat, kâr hedefi",
    C.ABOVE: "üstü, üstünde, üzeri, üzerinde, üzerinden",
    C.BELOW: "altı, altında, altından",
    C.TO: "ile, kadar",
    C.OPEN_END: "açık",
    C.IGNORED: "güncel fiyat, anlık fiyat, kaldıraç, destek, direnç, zaman dilimi, sinyal no",
    C.LOTS: "lot, hacim, lot büyüklüğü",
    C.RISK: "risk, riski, işlem başına risk",
    C.PERCENT: "yüzde",
    C.HALF: "yarı, yarısı, yarısını, yarım, yarısını kapat",
    C.QUARTER: "çeyrek, dörtte bir, çeyreğini",
    C.THIRD: "üçte bir",
    C.PART: "kısmi, bir kısmı, bir kısmını, kısmen",
    C.FULL: "tamamen, tam, tamamını",
    C.ALL: "hepsi, hepsini, tüm, tümü, tümünü, bütün, tüm işlemleri, tüm pozisyonları",
    C.CLOSE: ("kapat, kapatın, kapatınız, kapatıyoruz, kapatalım, çık, çıkın, çıkış, çıkıyoruz, kapatılsın"),
    C.CLOSED: "kapandı, kapatıldı, kapattık, işlem kapatıldı, işlem kapandı, pozisyon kapatıldı",
    C.TAKE_PART: (
        "kısmi kapat, kısmi kapatın, kısmi kar al, kısmi kâr al, bir kısmını kapat, "
        "bir kısmını kapatın, kısmi kapama"
    ),
    C.BREAKEVEN: (
        "başabaş, başa baş, sl girişe, stop girişe, stopu girişe, sl'yi girişe, sl'i girişe, "
        "stop giriş seviyesine, stopu giriş seviyesine, giriş seviyesine, stopları girişe, "
        "girişe çek, girişe çekin, giriş fiyatına, zarar durdur girişe"
    ),
    C.RISK_FREE: "risksiz",
    C.MOVE: (
        "taşı, taşıyın, çek, çekin, değiştir, değiştirin, güncelle, güncelleyin, ayarla, "
        "ayarlayın, yükselt, yükseltin, getirin, getir"
    ),
    C.NEW: "yeni",
    C.CANCEL: "iptal, iptal et, iptal edin, iptal edildi, sil, silin, iptal edelim, geçersiz",
    C.REMOVE: "kaldır, kaldırın",
    C.LET_RUN: "bırakın koşsun, devam etsin, koşsun",
    C.POSITION: (
        "işlem, işlemi, işlemler, işlemleri, pozisyon, pozisyonu, pozisyonlar, pozisyonları, "
        "emir, emri, emirler, emirleri, sinyal, kalan, kalanı"
    ),
    C.PREVIOUS: "önceki, eski",
    C.HIT: "ulaşıldı, geldi, görüldü, vurdu, tamam, tamamlandı, gördü, alındı",
    C.RUNNING: "karda, kârda, devam ediyor, artıda",
    C.RESULT: "sonuç, sonuçlar, özet, rapor",
    C.PROFIT: "kar, kâr, kazanç, kazandık",
    C.NOT: "değil, almayın, satmayın, kapatmayın, alma, satma, kapatma, yapmayın, asla, girmeyin, henüz",
    C.IF: (
        "eğer, olursa, gelirse, kırarsa, sonra, gelince, olunca, bekleyin, bekle, ulaşırsa, "
        "kapanırsa, ulaşınca, kırılırsa"
    ),
    C.FUTURE: ("yakında, hazırlanın, hazır olun, kapatacağız, alacağız, satacağız, kapatacağım, muhtemel"),
    C.PLANNED: ("yarın, belki, olabilir"),
    C.OPTIONAL: "isterseniz, isteyen, isteyenler, dilerseniz, opsiyonel, isteğe bağlı",
    C.ASKING: "mı, mi, mu, mü, kapatalım mı, neden, kim",
    C.I_ME: "ben, benim",
    C.CANDLE: (
        "mum, mum kapanışı, günlük kapanış, kapanış, piyasa kapanışı, üzerinde kapanış, altında kapanış"
    ),
    C.NEAR: "yakın, yaklaştı, neredeyse, yaklaşıyor",
    C.OR: "veya, ya da",
    C.AND: "ve, ayrıca",
    C.FILLER: "bir, bu, için, de, da, yapın, edin, lütfen, risk yönetimi, olarak, fiyattan",
}
