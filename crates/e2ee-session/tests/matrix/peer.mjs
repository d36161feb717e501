// Members of a call as matrix-js-sdk makes them, driven by lines of JSON. What is real here: the key manager, the
// to-device key transport, the events and the memberships. What is not: the homeserver and Olm; `client` only hands
// messages over.
import { EventEmitter } from "node:events";
import { createInterface } from "node:readline";

// The SDK logs to the console, and standard output carries our lines.
for (const level of ["log", "info", "debug", "trace", "warn"]) console[level] = () => {};

const sdk = "matrix-js-sdk/lib";
const { ClientEvent } = await import(`${sdk}/client.js`);
const { MatrixEvent } = await import(`${sdk}/models/event.js`);
const { CallMembership } = await import(`${sdk}/matrixrtc/CallMembership.js`);
const { RTCEncryptionManager } = await import(`${sdk}/matrixrtc/RTCEncryptionManager.js`);
const { ToDeviceKeyTransport } = await import(`${sdk}/matrixrtc/ToDeviceKeyTransport.js`);
const { computeRtcIdentityRaw } = await import(`${sdk}/matrixrtc/membershipData/rtc.js`);

const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");
const people = new Map();

const membership = ({ user, device, memberId, createdTs }) =>
    CallMembership.parseFromEvent(
        new MatrixEvent({
            type: "org.matrix.msc3401.call.member",
            event_id: `$${user}-${device}-${createdTs}`,
            sender: user,
            state_key: `_${user}_${device}`,
            origin_server_ts: createdTs,
            content: {
                application: "m.call",
                call_id: "",
                device_id: device,
                membershipID: memberId,
                created_ts: createdTs,
                focus_active: { type: "livekit", focus_selection: "oldest_membership" },
                foci_preferred: [],
            },
        }),
    );

function join({ name, user, device, memberId, room, useKeyDelay, grace }) {
    const client = new EventEmitter();
    client.encryptAndSendToDevice = async (type, targets, content) => {
        say({ is: "send", from: name, type, targets, content });
    };
    const me = { userId: user, deviceId: device, memberId };
    const statistics = {
        counters: { roomEventEncryptionKeysSent: 0, roomEventEncryptionKeysReceived: 0 },
        totals: { roomEventEncryptionKeysReceivedTotalAge: 0 },
    };
    const transport = new ToDeviceKeyTransport(me, room, client, statistics);
    const person = { client, statistics, members: [] };
    person.manager = new RTCEncryptionManager(me, () => person.members, transport, (key, index, of, identity) => {
        const base64 = Buffer.from(key).toString("base64");
        say({ is: "key", at: name, user: of.userId, device: of.deviceId, member: of.memberId, index, key: base64, identity });
    });
    person.manager.join({ manageMediaKeys: true, useKeyDelay, keyRotationGracePeriodMs: grace });
    people.set(name, person);
}

async function obey(order) {
    const person = people.get(order.name);
    switch (order.do) {
        case "join":
            return join(order);
        case "members": {
            const old = person.members;
            person.members = await Promise.all(order.members.map(membership));
            return person.manager.onMembershipsUpdate(old);
        }
        case "deliver": {
            const { type, sender, content } = order;
            person.client.emit(ClientEvent.ToDeviceEvent, new MatrixEvent({ type, sender, content }));
            return say({ is: "received", at: order.name, count: person.statistics.counters.roomEventEncryptionKeysReceived });
        }
        case "leave":
            person.manager.leave();
            return people.delete(order.name);
        case "identity":
            return say({ is: "identity", text: await computeRtcIdentityRaw(order.user, order.device, order.memberId) });
    }
}

say({ is: "ready" });
let done = Promise.resolve();
for await (const line of createInterface({ input: process.stdin })) {
    // In their order.
    done = done.then(() => obey(JSON.parse(line)));
    await done;
}
process.exit(0);
