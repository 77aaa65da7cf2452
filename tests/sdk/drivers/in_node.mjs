// Runs a driver in Node: `node in_node.mjs DRIVER JSON`, one line of JSON for each step.

import { readFileSync } from "node:fs";
import { converse } from "./scenario.mjs";

const [driver, text] = process.argv.slice(2);
const given = JSON.parse(text);
given.speech = readFileSync(given.speech).toString("base64");
const { make } = await import(`./${driver}`);
const done = await converse(make(given), given, (line) => process.stdout.write(`${JSON.stringify(line)}\n`));
process.exit(done ? 0 : 1);
