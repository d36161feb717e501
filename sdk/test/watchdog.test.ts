/** The net: a browser that counts more frames than the worker saw is found out within two looks. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Comparison, CONFIRM_MS } from "../src/watchdog.ts";

test("a working transform is never suspected", () => {
  const comparison = new Comparison("video");
  for (let n = 0; n < 200; n++) assert.equal(comparison.look({ media: n * 6, bytes: 100 * (n * 6) }, { seen: n * 6 + 1, bytes: 600 * n }), "fine");
});

test("a transform that is passed by is a leak at the second look", () => {
  const comparison = new Comparison("video");
  assert.equal(comparison.look({ media: 6, bytes: 100 * (6) }, { seen: 0, bytes: 100 * (0) }), "suspect");
  assert.equal(comparison.look({ media: 8, bytes: 100 * (8) }, { seen: 0, bytes: 100 * (0) }), "leak");
});

test("a transform that dies in the middle of a call is found out too", () => {
  const comparison = new Comparison("audio");
  assert.equal(comparison.look({ media: 1000, bytes: 100 * (1000) }, { seen: 1000, bytes: 100 * (1000) }), "fine");
  assert.equal(comparison.look({ media: 1010, bytes: 100 * (1010) }, { seen: 1000, bytes: 100 * (1000) }), "suspect");
  assert.equal(comparison.look({ media: 1013, bytes: 100 * (1013) }, { seen: 1000, bytes: 100 * (1000) }), "leak");
});

test("a slow leak adds up", () => {
  const comparison = new Comparison("video");
  const looks = Array.from({ length: 8 }, (_, n) => comparison.look({ media: n + 1, bytes: 100 * (n + 1) }, { seen: 0, bytes: 100 * (0) }));
  assert.ok(looks.includes("leak"), looks.join(" "));
});

test("counters that start over are a new stream", () => {
  const comparison = new Comparison("video");
  assert.equal(comparison.look({ media: 500, bytes: 100 * (500) }, { seen: 500, bytes: 100 * (500) }), "fine");
  assert.equal(comparison.look({ media: 2, bytes: 100 * (2) }, { seen: 502, bytes: 100 * (502) }), "fine");
});

test("a receiver on a busy machine is given time to catch up, and found out when it does not", () => {
  const busy = new Comparison("audio", "receive");
  assert.equal(busy.look({ media: 50, bytes: 100 * (50) }, { seen: 10, bytes: 100 * (10) }), "suspect");
  assert.equal(busy.look({ media: 100, bytes: 100 * (100) }, { seen: 95, bytes: 100 * (95) }), "fine");
  const bypassed = new Comparison("audio", "receive");
  const looks = [50, 100, 150].map((media) => bypassed.look({ media, bytes: 100 * media }, { seen: 0, bytes: 0 }));
  assert.deepEqual(looks, ["suspect", "suspect", "leak"]);
});

test("padding that probes for bandwidth is no leak, and hides none", () => {
  const comparison = new Comparison("audio");
  assert.equal(comparison.look({ media: 6, bytes: 800 }, { seen: 6, bytes: 810 }), "fine");
  // 18 packets without a byte among 5 sealed ones.
  assert.equal(comparison.look({ media: 29, bytes: 1600 }, { seen: 11, bytes: 1610 }), "fine");
  assert.equal(comparison.look({ media: 49, bytes: 3600 }, { seen: 11, bytes: 1610 }), "suspect");
  assert.equal(comparison.look({ media: 55, bytes: 4200 }, { seen: 11, bytes: 1610 }), "leak");
});

test("a worker that answered late at one look is not suspected at the next", () => {
  for (const kind of ["audio", "video"] as const) {
    const comparison = new Comparison(kind);
    // The browser counted 100; when the worker answered at last it had seen 160.
    assert.equal(comparison.look({ media: 100, bytes: 10_000 }, { seen: 160, bytes: 16_000 }, { seen: 101, bytes: 10_100 }), "fine");
    // Now all of these were sent, and it answers at once.
    assert.equal(comparison.look({ media: 162, bytes: 16_200 }, { seen: 163, bytes: 16_300 }, { seen: 162, bytes: 16_200 }), "fine", kind);
    // From here it is passed by.
    assert.equal(comparison.look({ media: 172, bytes: 17_200 }, { seen: 163, bytes: 16_300 }, { seen: 163, bytes: 16_300 }), "suspect");
    assert.equal(comparison.look({ media: 175, bytes: 17_500 }, { seen: 163, bytes: 16_300 }, { seen: 163, bytes: 16_300 }), "leak");
  }
});

test("a worker that is short of time is given more of it, as long as no byte has left", () => {
  const comparison = new Comparison("video");
  const worker = { seen: 100, bytes: 10_000 };
  assert.equal(comparison.look({ media: 100, bytes: 10_000 }, worker), "fine");
  // Counted as sent when encoded; nothing has left.
  assert.deepEqual([106, 108].map((media) => comparison.look({ media, bytes: 10_000 }, worker)), ["suspect", "suspect"]);
  assert.equal(comparison.look({ media: 112, bytes: 11_000 }, { seen: 112, bytes: 11_000 }), "fine");
  // For five looks; then it is gone.
  const look = (media: number, bytes: number) => comparison.look({ media, bytes }, { seen: 112, bytes: 11_000 });
  const looks = Array.from({ length: 5 }, (_, n) => look(118 + 2 * n, 11_000));
  assert.deepEqual([looks.indexOf("leak"), looks.includes("fine")], [4, false], looks.join(" "));
  assert.equal(comparison.look({ media: 130, bytes: 13_000 }, { seen: 130, bytes: 13_000 }), "fine");
  // Or until something leaves that it did not pass.
  const leaks = (media: number) => comparison.look({ media, bytes: media * 100 }, { seen: 130, bytes: 13_000 });
  assert.deepEqual([136, 138].map(leaks), ["suspect", "leak"]);
  assert.match(comparison.facts, /^browser \d+, \d+ B; worker 0, 0 B; /);
  // Bytes that the worker did not pass end the patience.
  const leaking = new Comparison("video");
  assert.deepEqual([6, 8].map((media) => leaking.look({ media, bytes: 150 * media }, { seen: 0, bytes: 0 })), ["suspect", "leak"]);
});

test("from counters alone a bypass is found within 500 ms, whenever it begins", () => {
  const [pulse, confirm, answer] = [200, CONFIRM_MS, 10];
  let slowest = 0;
  for (const kind of ["audio", "video"] as const) {
    for (const rate of kind === "audio" ? [50] : [24, 25, 30, 60]) {
      // Packets of sound without a byte are padding: see above.
      for (const leaks of kind === "audio" ? [true] : [false, true]) {
        for (let begins = 1000; begins < 1000 + pulse; begins++) {
          const comparison = new Comparison(kind);
          const at = (time: number) => {
            const media = Math.floor((time * rate) / 1000);
            const seen = Math.floor((Math.min(time, begins) * rate) / 1000);
            return comparison.look({ media, bytes: 100 * (leaks ? media : seen) }, { seen, bytes: 100 * seen });
          };
          let time = pulse;
          let verdict = at(time);
          while (verdict !== "leak" && time < 5000) {
            time = verdict === "suspect" ? time + confirm + answer : (Math.floor(time / pulse) + 1) * pulse;
            verdict = at(time);
          }
          // Where nothing leaves there is no haste.
          if (leaks) slowest = Math.max(slowest, time - begins);
          else assert.ok(time - begins < 650, `${time - begins} ms`);
        }
      }
    }
  }
  assert.ok(slowest < 450, `${slowest} ms`);
  console.log(`# ${slowest} ms at most`);
});
