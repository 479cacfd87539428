// The server answered, and said no. Anything else that goes wrong means that it was not reached.
export class ServerRefused extends Error {}

export async function request(method, path, body, key) {
  const options = { method, headers: {}, credentials: "same-origin" };
  if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  if (key !== undefined) options.headers["Idempotency-Key"] = key;
  const response = await fetch(path, options);
  const answer = await response.json();
  if (response.ok) return answer;
  if (response.status >= 500) throw new Error(answer.detail);
  throw new ServerRefused(answer.detail);
}
