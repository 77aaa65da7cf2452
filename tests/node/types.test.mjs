// The types say what is there: every member of a declared class exists, and nothing public is
// missing among them.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as client from "../../app/web/static/relay-client/relay-client.js";

const FILE = new URL("../../app/web/static/relay-client/relay-client.d.ts", import.meta.url);
const TEXT = readFileSync(FILE, "utf8");
const CLASSES = [...TEXT.matchAll(/^export class (\w+)[^{]*\{\n(.*?)^\}/gms)];

const options = { url: "http://127.0.0.1:1", token: "x", WebSocket: class {} };

function declared(body) {
  const names = [...body.matchAll(/^ {2}(?:static )?(?:readonly )?(\w+)(?:<[^>]*>)?[(:?]/gm)];
  return new Set(names.map(([, name]) => name).filter((name) => name !== "constructor"));
}

function present(one) {
  const own = Object.getOwnPropertyNames(one);
  const inherited = Object.getOwnPropertyNames(Object.getPrototypeOf(one));
  const statics = Object.getOwnPropertyNames(one.constructor);
  const usual = new Set(["constructor", "length", "name", "prototype", "message", "stack", "cause"]);
  const names = [...own, ...inherited, ...statics, ..."on" in one ? ["on"] : []];
  return new Set(names.filter((name) => !name.startsWith("_") && !usual.has(name)));
}

test("every class is declared with all of its members and no others", () => {
  for (const [, name, body] of CLASSES) {
    const one = new client[name](name === "Problem" ? "title" : options);
    assert.deepEqual([...declared(body)].sort(), [...present(one)].sort(), name);
  }
});

test("everything that is exported is declared", () => {
  const functions = [...TEXT.matchAll(/^export function (\w+)/gm)].map(([, name]) => name);
  const classes = CLASSES.map(([, name]) => name);
  assert.deepEqual([...classes, ...functions].sort(), Object.keys(client).sort());
});
