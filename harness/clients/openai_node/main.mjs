// One situation a run: `main.mjs <calls as JSON>`; where and with which key comes from OPENAI_BASE_URL and OPENAI_API_KEY.
// The calls are what harness/situations/sdk_calls.py writes; python_sdk/main.py reads the same.
import OpenAI from "openai";

const situation = JSON.parse(process.argv[2]);

function newClient({ retries, timeout, headers } = {}) {
  return new OpenAI({
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

// The whole answer where there is one: a client that leaves, or counts the pieces itself, has none.
async function answer(client, call, given) {
  const path = call.call.split(".");
  const owner = path.slice(0, -1).reduce((part, name) => part[name], client);
  const said = await owner[path.at(-1)](...(Object.keys(given).length ? [given] : []));
  if (!said[Symbol.asyncIterator]) return print(said);
  let number = 0;
  for await (const piece of said) {
    print(piece);
    if (++number === call.leave_after) return null;
  }
  const final = ["finalChatCompletion", "finalResponse"].find((name) => said[name]);
  return final ? said[final]() : null;
}

function continued(given, final, results) {
  if (final.choices) {
    const message = final.choices[0].message;
    const said = (message.tool_calls ?? []).map((one) => (
      { role: "tool", tool_call_id: one.id, content: results[one.function.name] }));
    return said.length ? { ...given, messages: [...given.messages, message, ...said] } : null;
  }
  const said = final.output.filter((one) => one.type === "function_call").map((one) => (
    { type: "function_call_output", call_id: one.call_id, output: results[one.name] }));
  return said.length ? { ...given, input: [...given.input, ...final.output, ...said] } : null;
}

function print(piece) {
  console.log(JSON.stringify(piece));
  return piece;
}

try {
  const client = newClient(situation.client);
  if (situation.at_once) await Promise.all(situation.calls.map((call) => play(client, call)));
  else for (const call of situation.calls) await play(client, call);
} catch (error) {
  console.log(String(error));
  process.exitCode = 1;
}
