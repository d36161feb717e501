//! The scripts: each is one atomic step on one room.

use redis::Script;

/// Entries up to so many bytes are sent along with the event; larger ones are read.
pub(super) const PUBLISHED: usize = 64 * 1024;

/// Key: log. Arguments: expected head, entry, entries to keep, idle ms, channel, largest entry to publish, whether
/// an empty log takes it.
/// Answer: 1 and the position, or 0 and the head.
const APPEND: &str = "
    local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
    local head = last and string.match(last[1], '^%d+') or '0'
    if last and head ~= ARGV[1] or not last and ARGV[7] ~= '1' then
        redis.call('PEXPIRE', KEYS[1], ARGV[4])
        return {'0', head}
    end
    local new = string.format('%.0f', tonumber(ARGV[1]) + 1)
    redis.call('XADD', KEYS[1], 'MAXLEN', '=', ARGV[3], new .. '-0', 'e', ARGV[2])
    redis.call('PEXPIRE', KEYS[1], ARGV[4])
    if #ARGV[2] <= tonumber(ARGV[6]) then
        redis.call('PUBLISH', ARGV[5], 'e' .. new .. ':' .. ARGV[2])
    else
        redis.call('PUBLISH', ARGV[5], 'e' .. new)
    end
    return {'1', new}
";

/// Key: log. Argument: idle ms. Answer: position and entry, or nothing.
const HEAD: &str = "
    local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
    if not last then return {} end
    redis.call('PEXPIRE', KEYS[1], ARGV[1])
    return {string.match(last[1], '^%d+'), last[2][2]}
";

/// Key: log. Arguments: first position, entries at most, bytes after which to stop, idle ms.
/// Answer: nothing for an empty log, else the oldest position, then positions and entries.
const READ: &str = "
    local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
    if not first then return {} end
    redis.call('PEXPIRE', KEYS[1], ARGV[4])
    local answer = {string.match(first[1], '^%d+')}
    if tonumber(ARGV[1]) < tonumber(answer[1]) then return answer end
    local left, bytes, at = tonumber(ARGV[2]), 0, ARGV[1]
    while left > 0 and bytes < tonumber(ARGV[3]) do
        local found = redis.call('XRANGE', KEYS[1], at .. '-0', '+', 'COUNT', 1)[1]
        if not found then break end
        local position = string.match(found[1], '^%d+')
        answer[#answer + 1] = position
        answer[#answer + 1] = found[2][2]
        left, bytes = left - 1, bytes + #found[2][2]
        at = string.format('%.0f', tonumber(position) + 1)
    end
    return answer
";

/// Key: packages. Arguments: package, packages to keep, age in ms, channel, origin.
const PUT: &str = "
    local time = redis.call('TIME')
    local now = time[1] * 1000 + math.floor(time[2] / 1000)
    redis.call('RPUSH', KEYS[1], string.format('%015.0f', now) .. ARGV[1])
    redis.call('LTRIM', KEYS[1], -tonumber(ARGV[2]), -1)
    redis.call('PEXPIRE', KEYS[1], ARGV[3])
    redis.call('PUBLISH', ARGV[4], 'p' .. ARGV[5] .. ARGV[1])
    return 1
";

/// Key: packages. Argument: age in ms. Answer: the packages that are younger.
const TAKE: &str = "
    local time = redis.call('TIME')
    local old = time[1] * 1000 + math.floor(time[2] / 1000) - tonumber(ARGV[1])
    local fresh = {}
    for _, package in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do
        if tonumber(string.sub(package, 1, 15)) > old then
            fresh[#fresh + 1] = string.sub(package, 16)
        end
    end
    redis.call('DEL', KEYS[1])
    return fresh
";

#[derive(Debug)]
pub(super) struct Scripts {
    pub(super) append: Script,
    pub(super) head: Script,
    pub(super) read: Script,
    pub(super) put: Script,
    pub(super) take: Script,
}

impl Scripts {
    pub(super) fn new() -> Self {
        Self {
            append: Script::new(APPEND),
            head: Script::new(HEAD),
            read: Script::new(READ),
            put: Script::new(PUT),
            take: Script::new(TAKE),
        }
    }
}
