"""Indonesian and Malay. Lower case, phrases parted by commas."""

from __future__ import annotations

from signalos_server.domain.signals.words.concepts import Concept as C

WORDS: dict[C, str] = {
    C.BUY: "beli, membeli, pembelian, belian, entry beli, posisi beli, order beli",
    C.SELL: "jual, menjual, penjualan, jualan, posisi jual, order jual",
    C.NOW: (
        "sekarang, langsung, harga pasar, saat ini, segera, sekarang juga, skrg, sekarang ini, "
        "harga sekarang, harga pasaran"
    ),
    C.LIMIT: "limit, had",
    C.PENDING: "tertunda, tertangguh, pesanan tertunda, order tertunda, order pending",
    C.ENTRY: (
        "masuk, harga masuk, titik masuk, area masuk, zona masuk, zona, kawasan, harga, "
        "di harga, di area, antara, pada harga, masuk di, area"
    ),
    C.SL: "batas rugi, henti rugi, stop rugi, batas kerugian, hentian rugi, potong rugi",
    C.TP: (
        "sasaran, ambil untung, ambil profit, target untung, target harga, ambil keuntungan, sasaran harga"
    ),
    C.ABOVE: "di atas, atas",
    C.BELOW: "di bawah, bawah",
    C.TO: "sampai, hingga, ke, sehingga, s d",
    C.OPEN_END: "terbuka",
    C.IGNORED: "leverage, sokongan, rintangan, kerangka waktu, sinyal nomor",
    C.LOTS: "lot, ukuran lot, saiz lot",
    C.RISK: "risiko, resiko, risiko per trade",
    C.PERCENT: "persen, peratus",
    C.HALF: "setengah, separuh, separo",
    C.THIRD: "sepertiga",
    C.QUARTER: "seperempat, suku",
    C.PART: "sebagian, sebahagian, separa, parsial",
    C.FULL: "penuh, seluruhnya, sepenuhnya",
    C.ALL: "semua, semuanya, semua posisi, seluruh, semua order",
    C.CLOSE: "tutup, ditutup sekarang, menutup, keluar, tutup sekarang, tutupkan, close semua",
    C.CLOSED: ("ditutup, sudah ditutup, sudah tutup, telah ditutup, posisi ditutup, udah close, sudah close"),
    C.TAKE_PART: (
        "tutup sebagian, tutup sebahagian, tutup separuh posisi, ambil sebagian profit, "
        "ambil sebagian, tutup parsial, amankan sebagian profit"
    ),
    C.PROFIT_TAKING: "amankan profit, amankan keuntungan, kunci profit",
    C.BREAKEVEN: (
        "titik impas, impas, pulang modal, balik modal, sl ke entry, sl ke harga masuk, "
        "sl ke titik masuk, sl di entry, sl ke be, geser sl ke entry, sl ke breakeven, "
        "stop loss ke entry, stop loss ke harga masuk, sl ke harga entry, sl ke entri"
    ),
    C.RISK_FREE: "bebas risiko, bebas resiko, tanpa risiko, tanpa resiko",
    C.MOVE: (
        "pindah, pindahkan, geser, geserkan, ubah, ubahkan, atur, naikkan, turunkan, alih, "
        "alihkan, tukar, taruh, pasang, perbarui"
    ),
    C.NEW: "baru",
    C.CANCEL: "batal, batalkan, dibatalkan, hapus, dihapus, padam, padamkan, cancel order",
    C.REMOVE: "buang, lepas, lepaskan, hapuskan",
    C.LET_RUN: "biarkan jalan, biarkan berjalan, biar jalan, biarkan running",
    C.POSITION: "posisi, transaksi, sisa, sisanya, order, pesanan, sinyal, isyarat, baki",
    C.PREVIOUS: "sebelumnya, terdahulu, lama",
    C.HIT: "kena, tercapai, tersentuh, dicapai, tembus, sudah kena, terkena",
    C.RUNNING: "sedang berjalan, sudah profit, masih berjalan, floating profit, dalam keuntungan",
    C.RESULT: "hasil, rekap, ringkasan, laporan, keputusan",
    C.PROFIT: "untung, keuntungan, cuan",
    C.NOT: (
        "jangan, tidak, bukan, belum, jangan beli, jangan jual, tak, usah, jgn, tidak perlu, tak perlu, tanpa"
    ),
    C.IF: (
        "jika, kalau, bila, apabila, setelah, selepas, ketika, tunggu, menunggu, kalo, sesudah, sekiranya"
    ),
    C.FUTURE: ("akan, nanti, bersiap, siap siap, persiapan, mau"),
    C.PLANNED: ("besok, esok, mungkin, rencana, berencana, boleh jadi, ingin"),
    C.OPTIONAL: (
        "jika mau, kalau mau, opsional, boleh, bagi yang mau, silakan, silahkan, bisa juga, yang mau"
    ),
    C.ASKING: "apakah, haruskah, kenapa, siapa, kapan, bolehkah, perlukah, patutkah",
    C.I_ME: "saya, aku, gue, gw",
    C.CANDLE: (
        "candle tutup, tutup candle, penutupan harian, penutupan candle, penutupan pasar, "
        "penutupan, pasar tutup, tutup di atas, tutup di bawah, lilin, ditutup di atas, "
        "ditutup di bawah"
    ),
    C.NEAR: "dekat, hampir, mendekati",
    C.OR: "atau",
    C.AND: "dan, lalu, serta",
    C.FILLER: (
        "di, pada, yang, ini, itu, untuk, dengan, dari, lagi, kita, kami, manajemen risiko, "
        "jangan lupa, sila, tolong, jangka panjang, jangka pendek"
    ),
}
