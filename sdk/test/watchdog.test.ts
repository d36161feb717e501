/** The net: a browser that counts more frames than the worker saw is found out within two looks. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Comparison } from "../src/watchdog.ts";

test("a working transform is never suspected", () => {
  const comparison = new Comparison("video");
  for (let n = 0; n < 200; n++) assert.equal(comparison.look({ media: n * 6, bytes: 0 }, { seen: n * 6 + 1 }), "fine");
});

test("a transform that is passed by is a leak at the second look", () => {
  const comparison = new Comparison("video");
  assert.equal(comparison.look({ media: 6, bytes: 0 }, { seen: 0 }), "suspect");
  assert.equal(comparison.look({ media: 8, bytes: 0 }, { seen: 0 }), "leak");
});

test("a transform that dies in the middle of a call is found out too", () => {
  const comparison = new Comparison("audio");
  assert.equal(comparison.look({ media: 1000, bytes: 0 }, { seen: 1000 }), "fine");
  assert.equal(comparison.look({ media: 1010, bytes: 0 }, { seen: 1000 }), "suspect");
  assert.equal(comparison.look({ media: 1013, bytes: 0 }, { seen: 1000 }), "leak");
});

test("a slow leak adds up", () => {
  const comparison = new Comparison("video");
  const looks = Array.from({ length: 8 }, (_, n) => comparison.look({ media: n + 1, bytes: 0 }, { seen: 0 }));
  assert.ok(looks.includes("leak"), looks.join(" "));
});

test("counters that start over are a new stream", () => {
  const comparison = new Comparison("video");
  assert.equal(comparison.look({ media: 500, bytes: 0 }, { seen: 500 }), "fine");
  assert.equal(comparison.look({ media: 2, bytes: 0 }, { seen: 502 }), "fine");
});

test("a receiver on a busy machine is given time to catch up, and found out when it does not", () => {
  const busy = new Comparison("audio", "receive");
  assert.equal(busy.look({ media: 50, bytes: 0 }, { seen: 10 }), "suspect");
  assert.equal(busy.look({ media: 100, bytes: 0 }, { seen: 95 }), "fine");
  const bypassed = new Comparison("audio", "receive");
  const looks = [50, 100, 150].map((media) => bypassed.look({ media, bytes: 0 }, { seen: 0 }));
  assert.deepEqual(looks, ["suspect", "suspect", "leak"]);
});
