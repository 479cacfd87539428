// Calls of the REST door, typed by the contract. Every failure is one of two: the server said no, or nobody knows.
import createClient, { type Client } from "openapi-fetch";
import type { paths } from "../generated/contract";
import type { Problem } from "./contract";

/** The server answered, and said no. Nothing was done. */
export class Refused extends Error {
  constructor(readonly problem: Problem) {
    super(inWords(problem));
  }

  get reason(): string {
    return this.problem.reason;
  }
}

/** No answer, or one that leaves open what was done. */
export class Unreachable extends Error {
  constructor(message = "The server is unreachable.") {
    super(message);
  }
}

const OUTCOME_OPEN = new Set(["SERVER_TOO_SLOW", "SERVER_UNREACHABLE", "COMMIT_UNKNOWN", "INTERNAL"]);

export const api: Client<paths> = createClient<paths>({ credentials: "same-origin" });

let onSessionOver: () => void = () => undefined;

/** What to do once a call is refused because the session has ended. */
export function whenSessionIsOver(then: () => void): void {
  onSessionOver = then;
}

interface Answer<Data> {
  data?: Data;
  error?: unknown;
  response: Response;
}

/** The answer's data. Throws `Refused` or `Unreachable`. */
export async function ask<Data>(call: Promise<Answer<Data>>): Promise<Data> {
  let answer: Answer<Data>;
  try {
    answer = await call;
  } catch {
    throw new Unreachable();
  }
  if (answer.data !== undefined) return answer.data;
  const problem = answer.error;
  if (!isProblem(problem)) throw new Unreachable(`The gateway answered ${answer.response.status}.`);
  if (OUTCOME_OPEN.has(problem.reason)) throw new Unreachable(problem.detail);
  if (problem.reason === "NOT_AUTHENTICATED") onSessionOver();
  throw new Refused(problem);
}

function isProblem(value: unknown): value is Problem {
  return typeof value === "object" && value !== null && "reason" in value && "detail" in value;
}

function inWords(problem: Problem): string {
  const fields = problem.errors.map((each) => `${each.field}: ${each.description}`);
  return fields.length > 1 ? fields.join("; ") : problem.detail;
}

/** Not `crypto.randomUUID`, which is missing where the page comes neither by TLS nor from this machine. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Keys of actions whose outcome is open: the same action again is then the same command, not a second one.
 */
export class ActionKeys {
  private readonly keys = new Map<string, string>();

  of(action: string): string {
    const key = this.keys.get(action) ?? newKey();
    this.keys.set(action, key);
    return key;
  }

  settled(action: string): void {
    this.keys.delete(action);
  }
}
