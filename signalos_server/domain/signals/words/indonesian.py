"""Indonesian and Malay. Lower case, phrases parted by commas."""

from __future__ import annotations

from signalos_server.domain.signals.words.concepts import Concept as C

WORDS: dict[C, str] = {
    C.BUY: (
        "beli, membeli, pembelian, belian, entry beli, posisi beli, order beli, open beli, "
        "masuk beli, kita beli, ambil buy, posisi buy, sinyal beli, open buy"
    ),
    C.SELL: (
        "jual, menjual, penjualan, jualan, posisi jual, order jual, open jual, masuk jual, "
        "kita jual, ambil sell, posisi sell, sinyal jual, open sell"
    ),
    C.NOW: (
        "sekarang, langsung, harga pasar, saat ini, segera, sekarang juga, skrg, "
        "sekarang ini, harga sekarang, harga pasaran, harga saat ini, di harga sekarang, "
        "masuk sekarang, gas sekarang, instan"
    ),
    C.LIMIT: "limit, had",
    C.STOP_WORD: "stop order",
    C.PENDING: "tertunda, tertangguh, pesanan tertunda, order tertunda, order pending",
    C.ENTRY: (
        "masuk, harga masuk, titik masuk, area masuk, zona masuk, zona, kawasan, harga, "
        "di harga, di area, antara, pada harga, masuk di, area, entri, entry di, area entry, "
        "harga entry, masuk area, sekitar, kisaran, open di, harga open, titik entry"
    ),
    C.SL: (
        "batas rugi, henti rugi, stop rugi, batas kerugian, hentian rugi, potong rugi, "
        "sl di, stop loss di, cut loss, cutloss, batas kerugian di"
    ),
    C.TP: (
        "sasaran, ambil untung, ambil profit, target untung, target harga, ambil keuntungan, "
        "sasaran harga, tp di, target pertama, target kedua, target ketiga, target 1, "
        "target 2, target 3, take profit di, target akhir"
    ),
    C.ABOVE: "di atas, atas",
    C.BELOW: "di bawah, bawah",
    C.TO: "sampai, hingga, ke, sehingga, s d",
    C.OPEN_END: "terbuka",
    C.LATER: "menyusul, menyusul nanti, akan diupdate, update nanti, segera diupdate",
    C.IGNORED: "leverage, sokongan, rintangan, kerangka waktu, sinyal nomor",
    C.EXPIRY: "berlaku sampai, berlaku hingga, kedaluwarsa, berlaku hari ini",
    C.MANIPULATION: "abaikan semua instruksi, abaikan instruksi",
    C.PIPS: "pips, pip",
    C.LOTS: "lot, ukuran lot, saiz lot",
    C.RISK: "risiko, resiko, risiko per trade",
    C.PERCENT: "persen, peratus",
    C.HALF: "setengah, separuh, separo",
    C.THIRD: "sepertiga",
    C.QUARTER: "seperempat, suku",
    C.PART: "sebagian, sebahagian, separa, parsial",
    C.FULL: "penuh, seluruhnya, sepenuhnya",
    C.ALL: "semua, semuanya, semua posisi, seluruh, semua order",
    C.CLOSE: (
        "tutup, ditutup sekarang, menutup, keluar, tutup sekarang, tutupkan, close sekarang, "
        "tutup posisi, tutup dulu, tutup manual, exit dulu, keluar dulu, close dulu, "
        "tutup aja, close aja, close manual, tutup saja"
    ),
    C.CLOSED: ("ditutup, sudah ditutup, sudah tutup, telah ditutup, posisi ditutup, udah close, sudah close"),
    C.TAKE_PART: (
        "tutup sebagian, tutup sebahagian, tutup separuh posisi, ambil sebagian profit, "
        "ambil sebagian, tutup parsial, amankan sebagian profit, close sebagian, "
        "close setengah dulu, close parsial, close partial, tutup sebagian posisi, "
        "kurangi lot, kurangi posisi, ambil sebagian untung, tutup separuh, close separuh, "
        "amankan sebagian"
    ),
    C.GRAB: "ambil, amankan, kunci, realisasikan, cairkan",
    C.PROFIT_TAKING: (
        "amankan profit, amankan keuntungan, kunci profit, ambil profit sekarang, "
        "ambil profit dulu, amankan profit dulu, tp manual, tp sekarang, cuan dulu"
    ),
    C.BREAKEVEN: (
        "titik impas, impas, pulang modal, balik modal, sl ke entry, sl ke harga masuk, "
        "sl ke titik masuk, sl di entry, sl ke be, geser sl ke entry, sl ke breakeven, "
        "stop loss ke entry, stop loss ke harga masuk, sl ke harga entry, sl ke entri, "
        "sl ke bep, sl bep, set bep, geser sl ke be, pindah sl ke entry, "
        "pindahkan sl ke entry, sl ke harga open, geser sl ke harga masuk, sl plus, "
        "pasang bep, sl di bep, sl ke break even, geser stop loss ke entry, amankan entry"
    ),
    C.RISK_FREE: "bebas risiko, bebas resiko, tanpa risiko, tanpa resiko, aman dari risiko, zero risk",
    C.MOVE: (
        "pindah, pindahkan, geser, geserkan, ubah, ubahkan, atur, naikkan, turunkan, alih, "
        "alihkan, tukar, taruh, pasang, perbarui, pindahin, geserin, naikin, turunin, ganti, "
        "revisi, ralat, koreksi, setel, tarik, set"
    ),
    C.NEW: "baru",
    C.CANCEL: (
        "batal, batalkan, dibatalkan, hapus, dihapus, padam, padamkan, cancel order, "
        "cancel aja, batalin, hapus order, tidak valid, batalkan order, cancel dulu, "
        "hapus pending, sudah tidak valid"
    ),
    C.REMOVE: "buang, lepas, lepaskan, hapuskan",
    C.TRAIL: "trailing, sl ikuti harga",
    C.LET_RUN: "biarkan jalan, biarkan berjalan, biar jalan, biarkan running",
    C.POSITION: "posisi, transaksi, sisa, sisanya, order, pesanan, sinyal, isyarat, baki",
    C.PREVIOUS: "sebelumnya, terdahulu, lama",
    C.HIT: (
        "kena, tercapai, tersentuh, dicapai, tembus, sudah kena, terkena, sudah tercapai, "
        "sudah tp, udah kena, done, mantap kena, tersentuh sudah, sukses"
    ),
    C.STOPPED_OUT: "kena sl, sl kena, kena stop loss, sl tersentuh, kena stop",
    C.RUNNING: (
        "sedang berjalan, sudah profit, masih berjalan, floating profit, dalam keuntungan, "
        "running profit, sedang profit, masih profit, masih running, floating plus, "
        "lagi profit, sudah jalan, sudah floating"
    ),
    C.RESULT: (
        "hasil, rekap, ringkasan, laporan, keputusan, rekapan, hasil minggu ini, hasil hari ini, statistik"
    ),
    C.PROFIT: "untung, keuntungan, cuan",
    C.NOT: (
        "jangan, tidak, bukan, belum, jangan beli, jangan jual, tak, usah, jgn, tidak perlu, tak perlu, tanpa"
    ),
    C.IF: (
        "jika, kalau, bila, apabila, setelah, selepas, ketika, tunggu, menunggu, kalo, sesudah, sekiranya"
    ),
    C.FUTURE: "akan, nanti, bersiap, siap siap, persiapan, mau",
    C.PLANNED: (
        "besok, esok, mungkin, rencana, berencana, boleh jadi, ingin, mungkin nanti, "
        "sepertinya, minggu depan, kayaknya, pengen, berniat"
    ),
    C.OPTIONAL: (
        "jika mau, kalau mau, opsional, boleh, bagi yang mau, silakan, silahkan, bisa juga, "
        "yang mau, terserah, sesuai selera, kalau berani, yang berani, optional saja, "
        "kalau ragu, monggo"
    ),
    C.ASKING: (
        "apakah, haruskah, kenapa, siapa, kapan, bolehkah, perlukah, patutkah, ada yang, "
        "gimana, bagaimana, mending, buy atau sell, enaknya"
    ),
    C.I_ME: "saya, aku, gue, gw, aku sudah, saya sudah, punya saya, pribadi",
    C.CANDLE: (
        "candle tutup, tutup candle, penutupan harian, penutupan candle, penutupan pasar, "
        "penutupan, pasar tutup, tutup di atas, tutup di bawah, lilin, ditutup di atas, "
        "ditutup di bawah, candle close, close candle, close di atas, close di bawah, "
        "market tutup, market libur, penutupan market, candle ditutup"
    ),
    C.SHOWN: "contoh, hanya contoh, bukan sinyal, bukan signal, edukasi saja, akun demo, simulasi",
    C.FORWARDED: "diteruskan dari, diteruskan",
    C.PAST_TIME: "kemarin, semalam, minggu lalu, bulan lalu",
    C.NEAR: "dekat, hampir, mendekati",
    C.OR: "atau",
    C.AND: "dan, lalu, serta",
    C.FILLER: (
        "di, pada, yang, ini, itu, untuk, dengan, dari, lagi, kita, kami, manajemen risiko, "
        "jangan lupa, sila, tolong, jangka panjang, jangka pendek, selamat pagi, "
        "selamat siang, selamat malam, semoga profit, jangan serakah, gunakan mm, pakai mm, "
        "ya, dong, guys, dulu, aja, saja, teman, gan, bos"
    ),
}
