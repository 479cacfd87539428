"""English, and what the trade has made of it. Lower case, phrases parted by commas."""

from __future__ import annotations

from signalos_server.domain.signals.words.concepts import Concept as C

WORDS: dict[C, str] = {
    C.BUY: "buy, buying, buys, long, longs, longing, go long, going long, enter long, buy side",
    C.SELL: (
        "sell, selling, sells, short, shorts, shorting, go short, going short, enter short, sel, sell side"
    ),
    C.BUY_WEAK: "bullish",
    C.SELL_WEAK: "bearish",
    C.BOUGHT: "bought, went long, longed",
    C.SOLD: "sold, went short, shorted",
    C.DONE: "opened at, position opened, trade opened, was opened, has been opened, entered at, we entered",
    C.NOW: (
        "now, cmp, instant, instantly, market, at market, market price, market execution, "
        "market order, at market price, current market price, immediately, instant execution, "
        "right now, asap, mkt, market entry, market buy, at the market"
    ),
    C.LIMIT: "limit, limits, limit order, limit orders, lmt",
    C.STOP_WORD: "stop, stops, stop order, stop orders, stp",
    C.PENDING: (
        "pending, pendings, pending order, pending orders, unfilled order, unfilled orders, "
        "open orders, working orders, untriggered"
    ),
    C.AGAIN: "again, more, re enter, reenter, re entry, reentry, add, layer, second entry, 2nd entry",
    C.ENTRY: (
        "entry, entries, entry price, entry point, entry zone, entry area, entry level, "
        "entry level zone, entry at, entry range, en, ep, enter, enter at, enter around, "
        "enter between, open price, open at, price, trigger, trigger price, area, zone, "
        "buy zone area, entryzone, entryprice, from, around, range, between, order price, "
        "activation, activation price, stop price, limit price, pending price, poi, price zone, "
        "entry 1st"
    ),
    C.SL: (
        "sl, stop loss, stoploss, stop loss at, s l, stl, invalidation, invalid below, "
        "invalid above, invalidated below, invalidated above, invalidation level, "
        "invalidation point, protective stop, hard stop, stops loss, stoplose, stop los, "
        "stoplos, stop lose, stop lost, stop out level, slx, stop level, initial stop, "
        "safety stop, sll, "
    ),
    C.TP: (
        "tp, take profit, takeprofit, take profits, takeprofits, t p, tps, target, targets, tgt, "
        "tgts, tg, target profit, profit target, profit targets, price target, pt, final target, "
        "first target, second target, third target, fourth target, target price, tpx, "
        "take profit target, take proft, take profit targets, take proffit, targer, traget, "
        "first tp, second tp, third tp, final tp, last target, last tp, next target, next tp"
    ),
    C.ABOVE: "above, over, north of, higher than",
    C.BELOW: "below, under, beneath, south of, lower than",
    C.TO: "to, till, until price, up to, down to, upto, thru, through",
    C.OPEN_END: (
        "open, runner, runners, open target, open tp, moon, to the moon, swing, hold for swing, "
        "leave open, let run, free ride, running tp"
    ),
    C.LATER: (
        "will update, will be updated, updated later, later, soon, tba, tbd, to be announced, "
        "coming soon, coming, will share, will be shared, to follow, follows, update soon, "
        "will post, will give, give later"
    ),
    C.NO_PRICE: "none, no, nil, without, n a",
    C.EXPIRY: (
        "expiry, expires, expire, expiration, expires at, valid until, valid till, valid for, validity, "
        "good till, good until, good for today, cancel after, delete after, cancel if not triggered, "
        "delete if not triggered, cancel if not filled, valid today, expiry time"
    ),
    C.IGNORED: (
        "current price, price now, current, rr, r r, risk reward, risk to reward, reward risk, "
        "reward to risk, risk reward ratio, ratio, rrr, timeframe, time frame, tf, "
        "signal number, signal no, signal id, id, ticket, accuracy, win rate, winrate, "
        "leverage, lev, account size, account balance, balance, equity, capital, margin, "
        "total trades, total, spread, "
        "duration, last price, bid, ask, reward, magic, "
        "version, trade number, trade no, trade id, setup number, call number, update number, "
        "order number, order id, members, followers, subscribers, adx, confidence, max loss, "
        "max drawdown, drawdown, gain, whatsapp, phone, copyright, price has reached, "
        "price reached, it reached, trading at, currently at, currently trading at, "
        "now trading at, currently, live price, market is at, price is at, price is, "
        "previous close, yesterday close"
    ),
    C.MENTION: (
        "signal, signals, support, supports, resistance, resistances, support level, "
        "resistance level, time, date, day high, day low, daily high, daily low, high, low, "
        "previous high, previous low, rsi, ema, sma, ma, macd, atr, fib, fibo, fibonacci, pivot, "
        "retracement, since, expected, volume profile, session, call, page, level, levels, "
        "key level, key levels, chart, idea number, demand, supply, demand zone, supply zone, "
        "order block, ob, fvg, structure, trendline, trend line, channel, moving average"
    ),
    C.POISON: "nan, inf, infinity, null, undefined, infinite",
    C.MANIPULATION: (
        "previous instructions, all previous instructions, prior instructions, all instructions, "
        "your instructions, the instructions above, system prompt, you are the trade executor, "
        "you are a trading bot, you are now, you are an ai, as an ai, language model, act as, "
        "new instructions, developer mode, admin override, override the risk, override risk, "
        "override all, bypass, disable the stop, disable stop, disable risk, disable all limits, "
        "ignore risk, ignore the risk, ignore your rules, ignore the rules, ignore all rules, "
        "ignore limits, ignore all limits, ignore the limits, jailbreak, system message, "
        "assistant"
    ),
    C.MEASURE: (
        "minute, minutes, min, mins, minit, minits, hour, hours, hr, hrs, day, days, week, "
        "weeks, month, months, year, years, second, seconds, sec, secs, times, trades taken, "
        "members, people, subscribers, followers, traders, wins, losses, stars, candles, bars, "
        "signals today, consecutive, out of, percent win"
    ),
    C.PIPS: "pip, pips, pipes, pps, pip's",
    C.POINTS: "point, points, pts, pt's, pnts, ticks, tick",
    C.LOTS: (
        "lot, lots, lot size, lotsize, lot sizes, volume, vol, size, position size, qty, quantity, lot s"
    ),
    C.RISK: (
        "of your account, of account, of the account, of your capital, of capital, of your balance, "
        "of balance, of your equity, of equity, risk, risking, "
        "risk per trade, recommended risk, account risk, max risk, maximum risk, "
        "risk only, riskpertrade, risk amount, risk size, use risk"
    ),
    C.PERCENT: "percent, pct, per cent, of account, percentage",
    C.CURRENCY: "usd, eur, gbp, dollar, dollars, bucks, euro, euros, pounds",
    C.HALF: "half, halves, the half, 1 half",
    C.THIRD: "third, a third, one third",
    C.QUARTER: "quarter, a quarter, one quarter",
    C.MOST: "most, majority, the majority",
    C.PART: (
        "part, partial, partials, partially, some, a bit, portion, a portion, a part, few, layers, some lots"
    ),
    C.FULL: ("full, fully, completely, entire, entirely, whole, complete, in full, full position, totally"),
    C.ALL: "all, everything, every, all trades, all positions, all orders, all running, both",
    C.CLOSE: (
        "close, closing, close out, exit, exit now, exiting, get out, get out of, out now, "
        "liquidate, flatten, close it, close now, cut it, cut loss, cut losses, cut the loss, "
        "cut your losses, cut now, cut here, cut the trade, cut the position, cut this trade, "
        "close manually, close down, square off, square up, bail out, pls close, cloes, clos, "
        "close off, exit from, book full profit, book full profits, book all profit, book full, "
        "book complete profit, close in profit, take full profit, take full profits, "
        "take all profits, take all profit, collect all profits"
    ),
    C.CLOSED: (
        "out at be, out at breakeven, out at break even, stopped at be, stopped at breakeven, out at entry, "
        "closed, full closed, fully closed, exited, closed out, closed manually, closed fully, "
        "squared off, closed in profit, closed at breakeven, closed at be"
    ),
    C.TAKE_PART: (
        "take partial, take partials, taking partials, taking partial, take some, take some off, "
        "take some profit, take some profits, secure some, secure some profits, "
        "secure some profit, secure partial, secure partials, secure partial profit, "
        "secure partial profits, book partial, book partials, scale out, scale down, trim, "
        "trimming, reduce, lighten, lighten up, partial close, partially close, close partial, "
        "close partially, close partials, close some, close part, close a part, close few, "
        "close layers, close some layers, closing part, closing a part, close a portion, "
        "closing a portion, closing partial, closing some, book some, book some profit, "
        "book some profits, book partial profit, book partial profits, bank some, "
        "bank some profit, bank some profits, partial tp, partial profit, partial profits, "
        "take partial profits, take partial profit, partial exit, lock in some, "
        "lock some profit, lock some profits, take off, cash out some, partial out, "
        "take a bit off, take part, partial now, partials now, pay yourself, pay yourselves, "
        "reduce position"
    ),
    C.GRAB: (
        "take, taking, secure, securing, bank, banking, book, booking, lock, locking, lock in, "
        "collect, cash, realise, realize, exit with, withdraw profit on, cash out"
    ),
    C.PROFIT_TAKING: (
        "book profit, book profits, book your profit, book your profits, take your profit, "
        "take your profits, take profit now, take profits now, lock profit, lock profits, "
        "lock in profit, lock in profits, bank profit, bank profits, collect profit, "
        "collect profits, cash out, cash in, take profits here, take profit here, tp now, tp here"
    ),
    C.BREAKEVEN: (
        "breakeven, break even, be, b e, b/e, brakeeven, breakevent, brake even, break evens, "
        "bep, cost to cost, at cost, sl to entry, sl at entry, sl entry, sl on entry, "
        "sl in entry, stop loss to entry, stop to entry, stop at entry, stop loss at entry, "
        "stoploss to entry, stoploss at entry, sl to cost, sl at cost, entry price level, "
        "stops to entry, sl to be, stops to be, stop to be, sl be, sl to breakeven, "
        "stop loss to breakeven, stop loss to break even, sl to break even, trail to cost, "
        "sl to entry price, sl to entry point, sl at entry price, sl at entry point, "
        "stop loss to entry price, stop loss to entry point, stop loss to your entry, "
        "stop loss to your entry price, sl to your entry, stops to breakeven, stop to breakeven, "
        "stops to break even, stop to break even, sl at be, sl on be, sl at breakeven, "
        "sl at break even, sl on breakeven, protect entry, secure entry, secure at entry, "
        "sl to open, sl to open price, sl at open price, sl to bep, sl to the entry, "
        "stop loss to the entry, stop loss at the entry, sl at the entry, entry level be"
    ),
    C.RISK_FREE: (
        "risk free, riskfree, zero risk, no risk, free trade, free risk, free risk trade, "
        "risk off, secure the trade, secure your trade, secure trade, secure position, "
        "secure your position, secure positions"
    ),
    C.MOVE: (
        "move, moving, moved, set, setting, put, putting, shift, shifting, place, placing, "
        "change, changing, adjust, adjusting, raise, raising, lower, lowering, drag, bring, "
        "bringing, update, updating, modify, modifying, amend, tighten, tightening, extend, "
        "extended, push, keep, make, edit, correct, correction, updated, shall move, adjusted, "
        "changed, revised, revise, slide, mv, use, make it, widen, trail up"
    ),
    C.NEW: "new",
    C.CANCEL: (
        "cancel, cancelled, canceled, cancelling, canceling, cancle, void, abort, scrap, "
        "scratch, call off, ignore, invalid, invalidated, no longer valid, not valid, "
        "remove order, delete, deleting, delete order, deleted, cxl, cncl, remove orders, "
        "remove pending, disregard, pull, remove limit, remove limits, kill order, withdraw"
    ),
    C.REMOVE: "remove, removing, take out, drop, erase",
    C.TRAIL: (
        "trail, trailing, trailing stop, trailing sl, trail sl, trail stop, trailing stop loss, "
        "trail your sl, trail your stop, trail the stop, trail stop loss, trail stops, "
        "trailing stops, trail your stops"
    ),
    C.LET_RUN: (
        "let it run, let run, let it ride, let them run, let the rest run, let rest run, "
        "leave it running, hold the rest, keep the rest, leave the rest, let profits run, "
        "hold rest, keep rest, leave rest, let the runner run, rest running"
    ),
    C.POSITION: (
        "trade, trades, position, positions, setup, setups, it, deal, deals, entry order, order, "
        "orders, this, them, running trades, open trades, open positions, layers, the rest, "
        "rest, remaining, remainder, this order, this signal, that one, this one"
    ),
    C.ORDERS: (
        "limits, limit orders, stop orders, buy limits, sell limits, buy stops, sell stops, "
        "stops, pending, pendings, pending orders"
    ),
    C.PREVIOUS: "previous, last, earlier, old, prior, yesterday, yesterday's, first trade",
    C.HIT: (
        "hit, hits, hitted, reached, reach, smashed, done, achieved, touched, cleared, "
        "completed, complete tp, crushed, destroyed, nailed, tagged, got hit, filled tp, "
        "has been hit, was hit, printed, bagged, triggered tp, taken out, ht, hit successfully, "
        "successful"
    ),
    C.STOPPED_OUT: (
        "stopped out, stop hit, sl hit, hit sl, hit stop loss, hit stop, stopped, stop out, "
        "stop loss hit, stoploss hit, hit our sl, hit our stop, hit stoploss, hit the sl, "
        "hit the stop"
    ),
    C.RUNNING: (
        "moving toward, moving towards, heading to, heading toward, heading towards, on the way to, "
        "on its way to, pushing toward, pushing towards, moving in our direction, going toward, "
        "running, in profit, in profits, floating, still moving, moving, active, still active, "
        "in play, going well, flying, running in profit, up already, in the green, "
        "still running, activated, triggered, filled, our entry was hit, now in profit"
    ),
    C.RESULT: (
        "result, results, recap, summary, performance, weekly report, daily report, "
        "monthly report, report, closed trades, outcome, track record, statistics, stats, "
        "review, proof, achievement, scoreboard, weekly recap, signals recap, final result, "
        "profits today, pips today, pips this week, pips last week, total profit"
    ),
    C.PROFIT: (
        "profit, profits, gain, gained, secured, banked, won, made, earned, caught, pips profit, "
        "pocketed, booked, cashed, profit made, loss, lost, in loss, winner, winners, loser, "
        "losers"
    ),
    C.NOT: (
        "not, don't, dont, do not, never, no need to, no need, not yet, isn't, isnt, doesn't, "
        "doesnt, aint, ain't, avoid, stop buying, stop selling, without, wouldn't, wouldnt, "
        "shouldn't, shouldnt, should not, cannot, can't, cant, won't, wont, wasn't, nobody, "
        "refrain, skip, no new, do nt, rather than, instead of closing, didn't, didnt, "
        "no longer, never ever, no more"
    ),
    C.EXCEPT: "except, except for, excluding, apart from, besides, other than, all but, everything but",
    C.IF: (
        "if, when, once, after, in case, unless, until, as soon as, only if, provided, whenever, "
        "wait, wait for, waiting for, in the event, should price, if price, upon, assuming, "
        "on break of, on breakout, on a break, on retest, confirmation, wait for confirmation, "
        "after confirmation, breaks, break above, break below, breaks above, breaks below, "
        "conditional, by the time, as long as, on a retest, on confirmation"
    ),
    C.FUTURE: (
        "will, i'll, ill, we'll, going to, gonna, looking to, looking for, wanna, get ready, "
        "ready to, prepare, prepare to, upcoming, could, possible, probably, potential, "
        "expecting, expect, soon we, watch for, watch, watching, about to, intend to, idea, "
        "next move, will be, shall, be ready, stand by, standby, heads up, could be"
    ),
    C.PLANNED: (
        "tomorrow, plan to, planning, planning to, might, may, maybe, possibly, next week, "
        "later today, waiting to, thinking, think, thinking of, considering, hoping, hope, "
        "might be, would, eyeing, watchlist, want to, want, perhaps, next month, on monday, "
        "thinking about, planned, my plan, the plan, plan, plans to, plan is"
    ),
    C.OPTIONAL: (
        "if you want, if you like, if u want, if you wish, you may, you can, u can, feel free, "
        "optional, optionally, up to you, your choice, for those who, those who want, who want, "
        "who wants, if you prefer, may close, can close, could close, if you are happy, "
        "if happy, if comfortable, at your discretion, your own decision, your decision, "
        "if you are in profit, if in profit, safe traders, conservative traders, "
        "aggressive traders, risky traders, if needed, or hold, can also, may also, "
        "those in profit, you could, you might, one can, traders can, traders may, members can, "
        "if you don't want to risk, consider, if you're, if you are still in, if still in, "
        "if you're still in, if you are still holding, anyone still in, if anyone is still in"
    ),
    C.ASKING: (
        "should i, should we, can i, can we, do we, do i, shall i, shall we, did we, are we, "
        "is it, what about, anyone, who is, who's, whos, how about, why, where is, what is, "
        "any update, did you, do you, have you, are you, could we, may i, when do we, "
        "when should, what if, will you, can someone, who"
    ),
    C.I_ME: "i, i'm, im, my, mine, me, myself, i've, ive, i'd, my account, personally, my friend",
    C.SHOWN: (
        "not a signal, no signal here, just my view, only my view, only my opinion, just my opinion, "
        "example only, for example, example, sample, sample signal, educational purposes, "
        "educational purpose, education purposes, for education, for learning, paper trade, paper trading, "
        "demo trade, demo only, backtest, back test, backtested, backtesting, hypothetical, "
        "hypothetically, simulation, simulated, test signal, this is a test, just a test, test message, "
        "yesterday's signal, yesterday signal, old signal, previous signal, last signal, past signal, "
        "missed it, we missed, if you had, if we had, if i had, would have, could have, should have, scam, "
        "scammers, scammer, fake signal, fake signals, format, signal format, screenshot, template"
    ),
    C.PAST_TIME: "yesterday, last week, last month, last night, last year, last friday, days ago, weeks ago",
    C.CANDLE: (
        "closing time, closing soon, closing thoughts, closing remarks, at market close, on market close, "
        "by market close, before market close, until market close, into the close, "
        "candle, candles, candle close, candle closes, daily close, daily closes, h4 close, "
        "h1 close, weekly close, m15 close, m5 close, m30 close, 4h close, 1h close, 15m close, "
        "hourly close, closes above, closes below, close above, close below, closes under, "
        "closes over, close under, close over, closing above, closing below, candle closing, "
        "day close, market close, market closes, market closing, market is closed, "
        "market closed, session close, closing price, close price, body close, closed above, "
        "closed below, markets close, markets are closed, closes, closed market, before close, "
        "at the close, new york close, ny close, london close, friday close, market will close, "
        "closed under, closed over, daily candle close, closing bell, 4h candle, 1h candle, "
        "daily candle, breakout candle"
    ),
    C.NEAR: (
        "close to, closer to, closely, close by, near, nearly, almost, getting close, "
        "getting close to, very close to, so close, so close to, close enough, close friends, "
        "close call, close eye, a close eye, close watch, approaching, pretty close, "
        "coming close, close range, too close, too close to, very close, close attention, "
        "close proximity, stay close"
    ),
    C.OR: "or, either, alternatively, and or",
    C.AND: "and, n, also, then, plus, as well as, as well",
    C.FILLER: (
        "don't forget to, do not forget to, dont forget to, don't forget, dont forget, "
        "do not forget, remember to, make sure to, make sure you, do not hesitate to, "
        "don't hesitate to, no reason to wait, no need to wait, why not, a, an, the, your, our, "
        "you, is, are, was, were, has, have, been, of, in, on, for, with, by, as, at, we, guys, "
        "team, please, pls, plz, kindly, just, only, here, out, up, down, off, side, pair, "
        "trade alert, alert, vip, free, premium, new signal, trade idea, high risk, low risk, "
        "entry now, order type, type, action, direction, symbol, instrument, position type, "
        "day trade, daytrade, scalp, scalping, intraday, short term, long term, short-term, "
        "long-term, mid term, medium term, live update, swing trade, trade setup, "
        "trading signal, per trade, good luck, use proper risk management, risk management, "
        "money management, manage your risk, proper risk management, use proper risk, "
        "use money management, use small lot, small lots, use small lots, small lot, "
        "proper lot size, stop order type, use low risk, high risk trade, long run, "
        "short squeeze, no longer than, don't miss, do not miss, dont miss, "
        "not financial advice, no financial advice, nfa, do not risk more than, "
        "don't risk more than, dont risk more than, never risk more than, do not risk, "
        "don't risk, dont risk, not over risk, don't over risk, don't overleverage, "
        "dont overleverage, do your own research, wait for it, trade at your own risk, "
        "at your own risk, don't be greedy, dont be greedy, do not be greedy, no greed, "
        "stop hunting, non stop, nonstop, stop by, stop hunt, one stop, full stop, buy the dip, "
        "buyers, sellers, buyer, seller, best seller, i recommend, i suggest, i advise, "
        "i would recommend, we recommend, we suggest, we advise, it is recommended to, "
        "recommended, recommend, suggest, advise, good time to, better to, it is better to, "
        "time to, let's, lets, let us, i'd recommend, be ready to close soon"
    ),
}
