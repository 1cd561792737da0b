// One situation a run: `main.mjs <calls as JSON>`; where and with which key: ANTHROPIC_BASE_URL and ANTHROPIC_API_KEY.
// The calls are what harness/situations/sdk_calls.py writes; python_sdk/main.py and openai_node/main.mjs read the same.
import Anthropic from "@anthropic-ai/sdk";

const situation = JSON.parse(process.argv[2]);

function newClient({ retries, timeout, headers } = {}) {
  return new Anthropic({
    ...(retries === undefined ? {} : { maxRetries: retries }),
    ...(timeout === undefined ? {} : { timeout: timeout * 1000 }),
    ...(headers === undefined ? {} : { defaultHeaders: headers }),
  });
}

// The call, and as long as its answer asks for tools another one with their results.
async function play(client, call) {
  for (let given = call.with; given; ) {
    const final = await answer(client, call, given);
    given = final && call.results ? continued(given, final, call.results) : null;
  }
}

async function answer(client, call, given) {
  const path = call.call.replace("count_tokens", "countTokens").split(".");
  const owner = path.slice(0, -1).reduce((part, name) => part[name], client);
  const said = await owner[path.at(-1)](given);
  if (!said[Symbol.asyncIterator]) return print(said);
  for await (const piece of said) print(piece);
  return said.finalMessage ? said.finalMessage() : null;
}

function continued(given, final, results) {
  const said = final.content.filter((one) => one.type === "tool_use").map((one) => (
    { type: "tool_result", tool_use_id: one.id, content: results[one.name] }));
  const turns = [{ role: "assistant", content: final.content }, { role: "user", content: said }];
  return said.length ? { ...given, messages: [...given.messages, ...turns] } : null;
}

function print(piece) {
  console.log(JSON.stringify(piece));
  return piece;
}

try {
  const client = newClient(situation.client);
  for (const call of situation.calls) await play(client, call);
} catch (error) {
  console.log(String(error));
  process.exitCode = 1;
}
