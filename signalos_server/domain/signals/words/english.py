"""English, and what the trade has made of it. Lower case, phrases parted by commas."""

from __future__ import annotations

from signalos_server.domain.signals.words.concepts import Concept as C

WORDS: dict[C, str] = {
    C.BUY: (
        "buy, buying, buys, long, longs, longing, go long, going long, enter long, buy side, "
        "purchase, purchasing"
    ),
    C.SELL: (
        "sell, selling, sells, short, shorts, shorting, go short, going short, enter short, "
        "sel, sell side, sale"
    ),
    C.BUY_WEAK: "bullish",
    C.SELL_WEAK: "bearish",
    C.BOUGHT: "bought, went long, longed",
    C.SOLD: "sold, went short, shorted",
    C.DONE: (
        "opened at, position opened, trade opened, was opened, has been opened, entered at, "
        "we entered, we added, i added, added more, have added, we opened, i opened, "
        "just opened, have opened, i put, i entered, i took, we took, i've taken, "
        "we've entered, we have entered, i have entered, i'm in, we're in, we are in"
    ),
    C.NOW: (
        "now, cmp, instant, instantly, market, at market, market price, market execution, "
        "market order, at market price, current market price, immediately, "
        "instant execution, right now, asap, mkt, market entry, at the market, nw, noww, "
        "immediate, at mkt, execute now, enter now, market now, current market, "
        "at current price, at the current price, from current price, at current levels, "
        "at current level, current levels, rn, atm price, at spot, spot price, market fill"
    ),
    C.LIMIT: "limit, limits, limit order, limit orders, lmt",
    C.STOP_WORD: "stop, stops, stop order, stop orders, stp",
    C.PENDING: (
        "pending, pendings, pending order, pending orders, unfilled order, unfilled orders, "
        "open orders, working orders, untriggered"
    ),
    C.AGAIN: ("again, more, re enter, reenter, re entry, reentry, add, layer, second entry, 2nd entry"),
    C.ENTRY: (
        "entry, entries, entry price, entry point, entry zone, entry area, entry level, "
        "entry level zone, entry at, entry range, en, ep, enter, enter at, enter around, "
        "enter between, open price, open at, price, trigger, trigger price, area, zone, "
        "entryzone, entryprice, from, around, range, between, order price, activation, "
        "activation price, stop price, limit price, pending price, poi, price zone, "
        "entry 1st, entry is, entries at, entry around, entry near, entry between, "
        "entry from, trigger at, entry trigger, entry order at, order at, enter from, "
        "enter on, reference price, entrance, the entrance, entrance price"
    ),
    C.SL: (
        "sl, stop loss, stoploss, stop loss at, s l, stl, invalidation, invalid below, "
        "invalid above, invalidated below, invalidated above, invalidation level, "
        "invalidation point, protective stop, hard stop, stops loss, stoplose, stop los, "
        "stoplos, stop lose, stop lost, stop out level, slx, stop level, initial stop, "
        "safety stop, sll, inv, stop loss level, sl level, cutloss, cut loss at, stops at, "
        "stop loss price, loss limit, max stop, invalid at, invalidates below, "
        "invalidates above, stop loss below, stop loss above, stop placed at, "
        "protective stop loss, risk level, stop loss zone, stop loss area, stopp loss, "
        "stop loss is, sl price, stop set at, exit stop, exit stops, stop exit, sl's, s/l, "
        "stopping loss, stop the loss, loss stop, the stop loss"
    ),
    C.TP: (
        "tp, take profit, takeprofit, take profits, takeprofits, t p, tps, target, targets, "
        "tgt, tgts, tg, target profit, profit target, profit targets, price target, pt, "
        "final target, first target, second target, third target, fourth target, "
        "target price, tpx, take profit target, take proft, take profit targets, "
        "take proffit, targer, traget, first tp, second tp, third tp, final tp, last target, "
        "last tp, next target, next tp, objective, objectives, profit level, "
        "take profit level, take profit levels, tp level, tp levels, target level, "
        "target levels, exit target, take profit zone, target zone, upside target, "
        "downside target, upside targets, downside targets, take profit area, profit at, "
        "takeprofit level, targets at, target at, goal, goals, profit taking level, "
        "take profit price, projected target, tg1, tgt1, tgt2, tgt3, first objective, "
        "second objective, third objective, exit targets, tp's, t p's, tps are, "
        "take profit's, exit price target, take the profit, taking profit at, t1, t2, t3, "
        "t4, t5, the target, the targets"
    ),
    C.ABOVE: "above, over, north of, higher than",
    C.BELOW: "below, under, beneath, south of, lower than",
    C.TO: "to, till, until price, up to, down to, upto, thru, through",
    C.OPEN_END: (
        "open, runner, runners, open target, open tp, moon, to the moon, swing, "
        "hold for swing, leave open, let run, free ride, running tp"
    ),
    C.LATER: (
        "will update, will be updated, updated later, later, soon, tba, tbd, "
        "to be announced, coming soon, coming, will share, will be shared, to follow, "
        "follows, update soon, will post, will give, give later"
    ),
    C.NO_PRICE: "none, no, nil, without, n a",
    C.IGNORED: (
        "rr, r r, risk reward, risk to reward, reward risk, reward to risk, "
        "risk reward ratio, ratio, rrr, timeframe, time frame, tf, signal number, signal no, "
        "signal id, id, ticket, accuracy, win rate, winrate, leverage, lev, account size, "
        "account balance, balance, equity, capital, margin, total trades, total, spread, "
        "duration, last price, bid, ask, reward, magic, version, trade number, trade no, "
        "trade id, setup number, call number, update number, order number, order id, "
        "members, followers, subscribers, adx, confidence, max loss, max drawdown, drawdown, "
        "gain, whatsapp, phone, copyright, price has reached, price reached, it reached, "
        "trading at, currently at, currently trading at, now trading at, currently, "
        "live price, market is at, price is at, price is, previous close, yesterday close, "
        "pips target, expected gain, potential profit, profit potential, max profit, "
        "potential reward, potential loss, chart tf, success rate, last trade, min deposit, "
        "minimum deposit, deposit, min balance, win ratio, accuracy rate, r ratio, rr ratio, "
        "tf chart, trade id no, step, spreads, atr14, swap, commission, slippage, hold time, "
        "holding time, expected duration, probability, strength, score, rating"
    ),
    C.CURRENT_PRICE: "current price, price now, current, current market rate",
    C.EXPIRY: (
        "expiry, expires, expire, expiration, expires at, valid until, valid till, "
        "valid for, validity, good till, good until, good for today, cancel after, "
        "delete after, cancel if not triggered, delete if not triggered, "
        "cancel if not filled, valid today, expiry time, till end of day, until end of day, "
        "valid till end of, good until cancelled, gtc, valid only today, only today, "
        "day order, end of day only"
    ),
    C.MENTION: (
        "signal, signals, support, supports, resistance, resistances, support level, "
        "resistance level, time, date, day high, day low, daily high, daily low, high, low, "
        "previous high, previous low, rsi, ema, sma, ma, macd, atr, fib, fibo, fibonacci, "
        "pivot, retracement, since, expected, volume profile, session, call, page, level, "
        "levels, key level, key levels, chart, idea number, demand, supply, demand zone, "
        "supply zone, order block, ob, fvg, structure, trendline, trend line, channel, "
        "moving average"
    ),
    C.POISON: "nan, inf, infinity, null, undefined, infinite",
    C.MANIPULATION: (
        "previous instructions, all previous instructions, prior instructions, "
        "all instructions, your instructions, the instructions above, system prompt, "
        "you are the trade executor, you are a trading bot, you are now, you are an ai, "
        "as an ai, language model, act as, new instructions, developer mode, admin override, "
        "override the risk, override risk, override all, bypass, disable the stop, "
        "disable stop, disable risk, disable all limits, ignore risk, ignore the risk, "
        "ignore your rules, ignore the rules, ignore all rules, ignore limits, "
        "ignore all limits, ignore the limits, jailbreak, system message, assistant"
    ),
    C.MEASURE: (
        "minute, minutes, min, mins, minit, minits, hour, hours, hr, hrs, day, days, week, "
        "weeks, month, months, year, years, second, seconds, sec, secs, times, trades taken, "
        "members, people, subscribers, followers, traders, wins, losses, stars, candles, "
        "bars, signals today, consecutive, out of, percent win"
    ),
    C.PIPS: "pip, pips, pipes, pps, pip's",
    C.POINTS: "point, points, pts, pt's, pnts, ticks, tick",
    C.LOTS: (
        "lot, lots, lot size, lotsize, lot sizes, volume, vol, size, position size, qty, "
        "quantity, lot s, lot size is, lots size, lotage, lot sizing, contract size"
    ),
    C.RISK: (
        "of your account, of account, of the account, of your capital, of capital, "
        "of your balance, of balance, of your equity, of equity, risk, risking, "
        "risk per trade, recommended risk, account risk, max risk, maximum risk, risk only, "
        "riskpertrade, risk amount, risk size, use risk"
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
        "liquidate, flatten, close it, close now, cut it, cut loss, cut losses, "
        "cut the loss, cut your losses, cut now, cut here, cut the trade, cut the position, "
        "cut this trade, close manually, close down, square off, square up, bail out, "
        "pls close, cloes, clos, close off, exit from, book full profit, book full profits, "
        "book all profit, book full, book complete profit, close in profit, "
        "take full profit, take full profits, take all profits, take all profit, "
        "collect all profits, pls close now, time to exit, exit the trade, exit trade, "
        "exit trades, exit position, exit positions, get out now, out of this trade, "
        "come out, abandon, dump it, cut this, cutting, cutting this, closing this, "
        "closing it, manual close, full close, close full, close fully, offload, "
        "close to secure, close to protect, close to avoid, close to lock, close to keep, "
        "close to be safe, go flat, get flat, flat now, flat everything"
    ),
    C.CLOSED: (
        "out at be, out at breakeven, out at break even, stopped at be, "
        "stopped at breakeven, out at entry, closed, full closed, fully closed, exited, "
        "closed out, closed manually, closed fully, squared off, closed in profit, "
        "closed at breakeven, closed at be, we are out, we're out, we got out, we exited"
    ),
    C.TAKE_PART: (
        "take partial, take partials, taking partials, taking partial, take some, "
        "take some off, take some profit, take some profits, secure some, "
        "secure some profits, secure some profit, secure partial, secure partials, "
        "secure partial profit, secure partial profits, book partial, book partials, "
        "scale out, scale down, trim, trimming, reduce, lighten, lighten up, partial close, "
        "partially close, close partial, close partially, close partials, close some, "
        "close part, close a part, close few, close layers, close some layers, closing part, "
        "closing a part, close a portion, closing a portion, closing partial, closing some, "
        "book some, book some profit, book some profits, book partial profit, "
        "book partial profits, bank some, bank some profit, bank some profits, partial tp, "
        "partial profit, partial profits, take partial profits, take partial profit, "
        "partial exit, lock in some, lock some profit, lock some profits, take off, "
        "cash out some, partial out, take a bit off, take part, partial now, partials now, "
        "pay yourself, pay yourselves, reduce position, take partial profit now, "
        "close few layers, close some positions, close some trades, close some entries, "
        "close most, bank partials, bank partial, bank some pips, scaling out, derisk, "
        "de risk, collect partial, collect partials, collect some profit, collect some, "
        "lock partial, lock partials, lock partial profit, lock partial profits, "
        "lock in partials, lock in partial profits, trim some, reduce size, reduce exposure, "
        "reduce the position, tp partial, tp partials, close one position, close one of, "
        "close one entry, take profit on some, take profits on some, take profit on part, "
        "take profits on part, take profit on half, take profits on half, close some of"
    ),
    C.GRAB: (
        "take, taking, secure, securing, bank, banking, book, booking, lock, locking, "
        "lock in, collect, cash, realise, realize, exit with, withdraw profit on, cash out, "
        "cut"
    ),
    C.PROFIT_TAKING: (
        "book profit, book profits, book your profit, book your profits, take your profit, "
        "take your profits, take profit now, take profits now, lock profit, lock profits, "
        "lock in profit, lock in profits, bank profit, bank profits, collect profit, "
        "collect profits, cash out, cash in, take profits here, take profit here, tp now, "
        "tp here"
    ),
    C.BREAKEVEN: (
        "breakeven, break even, be, b e, b/e, brakeeven, breakevent, brake even, "
        "break evens, bep, cost to cost, at cost, sl to entry, sl at entry, sl entry, "
        "sl on entry, sl in entry, stop loss to entry, stop to entry, stop at entry, "
        "stop loss at entry, stoploss to entry, stoploss at entry, sl to cost, sl at cost, "
        "entry price level, stops to entry, sl to be, stops to be, stop to be, sl be, "
        "sl to breakeven, stop loss to breakeven, stop loss to break even, sl to break even, "
        "trail to cost, sl to entry price, sl to entry point, sl at entry price, "
        "sl at entry point, stop loss to entry price, stop loss to entry point, "
        "stop loss to your entry, stop loss to your entry price, sl to your entry, "
        "stops to breakeven, stop to breakeven, stops to break even, stop to break even, "
        "sl at be, sl on be, sl at breakeven, sl at break even, sl on breakeven, "
        "protect entry, secure entry, secure at entry, sl to open, sl to open price, "
        "sl at open price, sl to bep, sl to the entry, stop loss to the entry, "
        "stop loss at the entry, sl at the entry, entry level be, to cost, at cost price, "
        "to cost price, sl to cost price, rest to cost, stop to cost, stops to cost, "
        "move to be, to be level, to breakeven, to break even, sl into be, "
        "sl into breakeven, sl to b e, put be, set be, be set, go be, stop loss at be, "
        "stop loss to be, sl to bep level, sl in be, sl in profit at entry"
    ),
    C.RISK_FREE: (
        "risk free, riskfree, zero risk, no risk, free trade, free risk, free risk trade, "
        "risk off, secure the trade, secure your trade, secure trade, secure position, "
        "secure your position, secure positions, 0 risk"
    ),
    C.MOVE: (
        "move, moving, moved, set, setting, put, putting, shift, shifting, place, placing, "
        "change, changing, adjust, adjusting, raise, raising, lower, lowering, drag, bring, "
        "bringing, update, updating, modify, modifying, amend, tighten, tightening, extend, "
        "extended, push, keep, make, edit, correct, correction, updated, shall move, "
        "adjusted, changed, revised, revise, slide, mv, use, make it, widen, trail up, "
        "ratchet, pull up, pull down, moved up, moved down, move up, move down, new level, "
        "reset, resetting, relocate, transfer, shifted, revising, updating to, trail to, "
        "trailing to, move it, bump, bumping, rolled to, roll"
    ),
    C.NEW: "new",
    C.CANCEL: (
        "cancel, cancelled, canceled, cancelling, canceling, cancle, void, abort, scrap, "
        "scratch, call off, ignore, invalid, invalidated, no longer valid, not valid, "
        "remove order, delete, deleting, delete order, deleted, cxl, cncl, remove orders, "
        "remove pending, disregard, pull, remove limit, remove limits, kill order, withdraw, "
        "cancel this, pls cancel, kill, kill it, kill the order, remove the order, "
        "remove this order, remove the limit, remove the pending, no more valid, "
        "not valid anymore, order void"
    ),
    C.REMOVE: "remove, removing, take out, drop, erase",
    C.TRAIL: (
        "trail, trailing, trailing stop, trailing sl, trail sl, trail stop, "
        "trailing stop loss, trail your sl, trail your stop, trail the stop, "
        "trail stop loss, trail stops, trailing stops, trail your stops"
    ),
    C.LET_RUN: (
        "let it run, let run, let it ride, let them run, let the rest run, let rest run, "
        "leave it running, hold the rest, keep the rest, leave the rest, let profits run, "
        "hold rest, keep rest, leave rest, let the runner run, rest running, hold, holding, "
        "still holding, keep holding, hold on, hodl, leave the rest running, "
        "let the rest running, keep it running, holding on, leave rest running, let it go, "
        "leave runner, leave runners, leave a runner, hold tight, keep holding it"
    ),
    C.POSITION: (
        "trade, trades, position, positions, setup, setups, it, deal, deals, entry order, "
        "order, orders, this, them, running trades, open trades, open positions, layers, "
        "the rest, rest, remaining, remainder, this order, this signal, that one, this one"
    ),
    C.ORDERS: "limits, limit orders, stop orders, stops, pending, pendings, pending orders",
    C.PREVIOUS: "previous, last, earlier, old, prior, first trade",
    C.HIT: (
        "hit, hits, hitted, reached, reach, smashed, done, achieved, touched, cleared, "
        "completed, complete tp, crushed, destroyed, nailed, tagged, got hit, filled tp, "
        "has been hit, was hit, printed, bagged, triggered tp, taken out, ht, "
        "hit successfully, successful, smashing, hitting, banged, kissed, "
        "completed successfully, delivered, fulfilled, slapped, tapped, ticked"
    ),
    C.STOPPED_OUT: (
        "stopped out, stop hit, sl hit, hit sl, hit stop loss, hit stop, stopped, stop out, "
        "stop loss hit, stoploss hit, hit our sl, hit our stop, hit stoploss, hit the sl, "
        "hit the stop, stopped us out, took us out, sl taken, sl triggered, stop triggered, "
        "stop taken, got stopped, hit the stop loss, stop was hit, sl was hit, sl got hit, "
        "stop got hit, hit my sl, hit stops, stops hit, hit the stops, stoplossed, "
        "got stopped out, sl got triggered, sl was triggered, stop got triggered, "
        "stop loss got triggered, sl got taken"
    ),
    C.RUNNING: (
        "moving toward, moving towards, heading to, heading toward, heading towards, "
        "on the way to, on its way to, pushing toward, pushing towards, "
        "moving in our direction, going toward, running, in profit, in profits, floating, "
        "still moving, moving, active, still active, in play, going well, flying, "
        "running in profit, up already, in the green, still running, activated, triggered, "
        "filled, our entry was hit, now in profit"
    ),
    C.RESULT: (
        "result, results, recap, summary, performance, weekly report, daily report, "
        "monthly report, report, closed trades, outcome, track record, statistics, stats, "
        "review, proof, achievement, scoreboard, weekly recap, signals recap, final result, "
        "profits today, pips today, pips this week, pips last week, total profit, "
        "this week's, weekly results, daily results, monthly results, today's results, "
        "results today, trade results, closed results, scorecard, tally, wins today, "
        "net pips, net, wrap up, pnl, p&l, win loss"
    ),
    C.PROFIT: (
        "profit, profits, gain, gained, secured, banked, won, made, earned, caught, "
        "pips profit, pocketed, booked, cashed, profit made, loss, lost, in loss, winner, "
        "winners, loser, losers"
    ),
    C.NOT: (
        "not, don't, dont, do not, never, no need to, no need, not yet, isn't, isnt, "
        "doesn't, doesnt, aint, ain't, avoid, stop buying, stop selling, without, wouldn't, "
        "wouldnt, shouldn't, shouldnt, should not, cannot, can't, cant, won't, wont, wasn't, "
        "nobody, refrain, skip, no new, do nt, rather than, instead of closing, didn't, "
        "didnt, no longer, never ever, no more, avoid buying, avoid selling, no trade, "
        "no trades, no entry, no entries, stay out, stay away, not buying, not selling, "
        "not entering, stay flat, wait before"
    ),
    C.IF: (
        "if, when, once, after, in case, unless, until, as soon as, only if, provided, "
        "whenever, wait, wait for, waiting for, in the event, should price, if price, upon, "
        "assuming, on break of, on breakout, on a break, on retest, confirmation, "
        "wait for confirmation, after confirmation, breaks, break above, break below, "
        "breaks above, breaks below, conditional, by the time, as long as, on a retest, "
        "on confirmation, retests, on the retest, on rallies only, only above, only below, "
        "if and only if, subject to, should it, in case it, upon break, upon breakout, "
        "break and close, break and retest"
    ),
    C.EXCEPT: ("except, except for, excluding, apart from, besides, other than, all but, everything but"),
    C.FUTURE: (
        "will, i'll, ill, we'll, going to, gonna, looking to, looking for, wanna, get ready, "
        "ready to, prepare, prepare to, upcoming, could, possible, probably, potential, "
        "expecting, expect, soon we, watch for, watch, watching, about to, intend to, "
        "next move, will be, shall, be ready, stand by, standby, heads up, could be"
    ),
    C.PLANNED: (
        "tomorrow, plan to, planning, planning to, might, maybe, possibly, next week, "
        "later today, waiting to, thinking, think, thinking of, considering, hoping, hope, "
        "might be, would, eyeing, watchlist, want to, want, perhaps, next month, on monday, "
        "thinking about, planned, my plan, the plan, plan, plans to, plan is, i think, "
        "we think, we might, we may, if anything, leaning, am thinking, contemplating, "
        "on the watchlist, contemplate, next session, next london session, "
        "in the coming days, coming days, coming sessions, coming weeks, in coming"
    ),
    C.OPTIONAL: (
        "if you want, if you like, if u want, if you wish, you may, you can, u can, "
        "feel free, optional, optionally, up to you, your choice, for those who, "
        "those who want, who want, who wants, if you prefer, if you are happy, if happy, "
        "if comfortable, at your discretion, your own decision, your decision, "
        "if you are in profit, if in profit, safe traders, conservative traders, "
        "aggressive traders, risky traders, if needed, or hold, those in profit, you could, "
        "you might, one can, traders can, traders may, members can, "
        "if you don't want to risk, consider, if you're, if you are still in, if still in, "
        "if you're still in, if you are still holding, anyone still in, "
        "if anyone is still in, aggressive traders can, safe traders can, risky traders can, "
        "brave traders, those who missed, who missed, if missed, if you missed, "
        "you may also, if your risk allows, if anyone wants, whoever wants, who wish, "
        "interested traders, at your own choice, your call, can, may, if you have, "
        "if you hold, if you still have, if you are in, if you only have, if you took, "
        "if you entered, for those with, for those in, those with, those in, those holding, "
        "if you are holding, if you still hold"
    ),
    C.ASKING: (
        "should i, should we, can i, can we, do we, do i, shall i, shall we, did we, are we, "
        "is it, what about, anyone, who is, who's, whos, how about, why, where is, what is, "
        "any update, did you, do you, have you, are you, could we, may i, when do we, "
        "when should, what if, will you, can someone, who, thoughts, any thoughts, agree, "
        "anybody, someone, somebody, is this, is that, can anyone, what do you, which one, "
        "how do, where do, is it good, is it a good, good idea to, worth, anyone else, "
        "please tell, can u, may we, shld i, should v, buy or sell, sell or buy, "
        "long or short, short or long, thoughts please"
    ),
    C.I_ME: "i, i'm, im, my, mine, myself, i've, ive, i'd, my account, personally, my friend",
    C.CANDLE: (
        "closing time, closing soon, closing thoughts, closing remarks, at market close, "
        "on market close, by market close, before market close, until market close, "
        "into the close, candle, candles, candle close, candle closes, daily close, "
        "daily closes, h4 close, h1 close, weekly close, m15 close, m5 close, m30 close, "
        "4h close, 1h close, 15m close, hourly close, closes above, closes below, "
        "close above, close below, closes under, closes over, close under, close over, "
        "closing above, closing below, candle closing, day close, market close, "
        "market closes, market closing, market is closed, market closed, session close, "
        "closing price, close price, body close, closed above, closed below, markets close, "
        "markets are closed, closes, closed market, before close, at the close, "
        "new york close, ny close, london close, friday close, market will close, "
        "closed under, closed over, daily candle close, closing bell, 4h candle, 1h candle, "
        "daily candle, breakout candle, closed lower, closed higher, closed up, closed down, "
        "closing lower, closing higher, closing strong, closing weak, closing the week, "
        "closing the day, closing the month, closed the week, closed the day, "
        "closed the month, close of the day, close of the week, closed flat, close lower, "
        "close higher, closes lower, closes higher, to close at, to close near, closed near, "
        "market is closing, candle closed, m15 candle, m5 candle, m30 candle, h1 candle, "
        "h4 candle, weekly candle, monthly close, monthly candle, close of business, "
        "closing registrations, registration closes, registrations close, doors closing, "
        "doors close, body closes, body closing, bar close, bar closes, us close, "
        "cash close, close of the candle, closing basis"
    ),
    C.SHOWN: (
        "not a signal, no signal here, just my view, only my view, only my opinion, "
        "just my opinion, example only, for example, example, sample, sample signal, "
        "educational purposes, educational purpose, education purposes, for education, "
        "for learning, paper trade, paper trading, demo trade, demo only, backtest, "
        "back test, backtested, backtesting, hypothetical, hypothetically, simulation, "
        "simulated, test signal, this is a test, just a test, test message, "
        "yesterday's signal, yesterday signal, old signal, previous signal, last signal, "
        "past signal, missed it, we missed, if you had, if we had, if i had, would have, "
        "could have, should have, scam, scammers, scammer, fake signal, fake signals, "
        "format, signal format, screenshot, template, paper account, in demo, on demo, "
        "demo account, practice trade, mock, mock trade, not a trade, not trading advice, "
        "how to read, sample trade, dummy signal, test only, education only, educational, "
        "training purpose, training purposes, just an idea, only an idea"
    ),
    C.FORWARDED: "forwarded from, forwarded, forwarded message, fwd from, reposted from, repost",
    C.PAST_TIME: (
        "yesterday, last week, last month, last night, last year, last friday, days ago, "
        "weeks ago, yesterday's"
    ),
    C.NEAR: (
        "close to, closer to, closely, close by, near, nearly, almost, getting close, "
        "getting close to, very close to, so close, so close to, close enough, "
        "close friends, close call, close eye, a close eye, close watch, approaching, "
        "pretty close, coming close, close range, too close, too close to, very close, "
        "close attention, close proximity, stay close"
    ),
    C.OR: "or, either, alternatively, and or",
    C.AND: "and, n, also, then, plus, as well as, as well",
    C.FILLER: (
        "don't forget to, do not forget to, dont forget to, don't forget, dont forget, "
        "do not forget, remember to, make sure to, make sure you, do not hesitate to, "
        "don't hesitate to, no reason to wait, no need to wait, why not, a, an, the, your, "
        "our, you, is, are, was, were, has, have, been, of, in, on, for, with, by, as, at, "
        "we, guys, team, please, pls, plz, kindly, just, only, here, out, up, down, off, "
        "side, pair, trade alert, alert, vip, free, premium, new signal, trade idea, "
        "high risk, low risk, order type, type, action, direction, symbol, instrument, "
        "position type, day trade, daytrade, scalp, scalping, intraday, short term, "
        "long term, short-term, long-term, mid term, medium term, live update, swing trade, "
        "trade setup, trading signal, per trade, good luck, use proper risk management, "
        "risk management, money management, manage your risk, proper risk management, "
        "use proper risk, use money management, use small lot, small lots, use small lots, "
        "small lot, proper lot size, stop order type, use low risk, high risk trade, "
        "long run, short squeeze, no longer than, don't miss, do not miss, dont miss, "
        "not financial advice, no financial advice, nfa, do not risk more than, "
        "don't risk more than, dont risk more than, never risk more than, do not risk, "
        "don't risk, dont risk, not over risk, don't over risk, don't overleverage, "
        "dont overleverage, do your own research, wait for it, trade at your own risk, "
        "at your own risk, don't be greedy, dont be greedy, do not be greedy, no greed, "
        "stop hunting, non stop, nonstop, stop by, stop hunt, one stop, full stop, "
        "buy the dip, buyers, sellers, buyer, seller, best seller, i recommend, i suggest, "
        "i advise, i would recommend, we recommend, we suggest, we advise, "
        "it is recommended to, recommended, recommend, suggest, advise, good time to, "
        "better to, it is better to, time to, let's, lets, let us, i'd recommend, "
        "be ready to close soon, buying pressure, selling pressure, buying interest, "
        "selling interest, buying opportunity, buying opportunities, selling opportunity, "
        "selling opportunities, sell off, selloff, buy back, buyback, short covering, "
        "short interest, long way, so long, before long, long weekend, long story, "
        "long time, day long, longer, short break, short note, short video, in short, "
        "shortly, short notice, buy rating, sell rating, buy the rumor, buy the rumour, "
        "sell the news, buy side liquidity, sell side liquidity, buyside liquidity, "
        "sellside liquidity, long legged, long wick, short lived, short while, long day, "
        "long night, all along, setup alert, good morning, good evening, good afternoon, "
        "hello, everyone, family, fam, gold masters, oversold, overbought, buying power, "
        "best price, right now we, at the time, long overdue, long awaited, sell wall, "
        "buy wall, buy walls, sell walls, no sl hunting, on rallies, on pullbacks, on rally, "
        "on dips, on dip, on pullback, on a pullback, pullback to, past results, "
        "past performance, past profits, previous results, future results, future profit, "
        "future profits, future performance, for sale, on sale, sales"
    ),
}
