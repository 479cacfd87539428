import { describe, expect, test } from "vitest";
import { age, lots, money, number, price, signed, Times } from "./format";

describe("what is not known", () => {
  test("is never drawn as a number", () => {
    for (const text of [number(null), signed(undefined), money(null, "USD"), price(null, 5), lots(null), age(null)]) {
      expect(text).toBe("unknown");
    }
    expect(new Times("UTC").at(null)).toBe("unknown");
  });
});

test("a profit has its sign, and nothing has none", () => {
  expect(signed(12.5)).toBe("+12.50");
  expect(signed(-1234.567)).toBe("\u22121,234.57");
  expect(signed(0)).toBe("0.00");
  expect(signed(-0.001)).toBe("0.00");
});

test("prices keep their symbol's digits and lots all of theirs", () => {
  expect(price(1.1, 5)).toBe("1.10000");
  expect(price(2335, undefined)).toBe("2335");
  expect(price(1.0990000000000002, undefined)).toBe("1.099");
  expect(lots(0.1)).toBe("0.10");
  expect(lots(0.125)).toBe("0.125");
  expect(lots(0.1 + 0.2)).toBe("0.30");
});

test("ages grow through their units", () => {
  expect([0.42, 12.4, 240, 7200, 259_200].map(age)).toEqual(["0.4 s", "12 s", "4 min", "2 h", "3 d"]);
});

test("times are told in the zone that was chosen", () => {
  const time = "2026-01-31T12:00:01.164Z";
  expect(new Times("UTC").exactly(time)).toBe("12:00:01.164");
  expect(new Times("Asia/Tokyo").at(time)).toBe("21:00:01");
  expect(new Times("UTC").recent(time, Date.parse("2026-01-31T20:00:00Z"))).toBe("12:00:01");
  expect(new Times("UTC").recent(time, Date.parse("2026-02-02T20:00:00Z"))).toBe("31 Jan 2026 12:00:01");
});
