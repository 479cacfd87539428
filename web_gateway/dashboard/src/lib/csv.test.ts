import { expect, test } from "vitest";
import { csv } from "./csv";

test("cells that a spreadsheet would run are quoted, and numbers are not", () => {
  expect(csv([["=1+1", "+cmd", "-x", "@a", "-12.5", "+3", -7]])).toBe("'=1+1,'+cmd,'-x,'@a,-12.5,+3,-7\r\n");
});

test("commas, quotes and line ends keep their cell, and nothing is an empty one", () => {
  expect(csv([["a,b", 'c"d', "e\nf", null]])).toBe('"a,b","c""d","e\nf",\r\n');
});
