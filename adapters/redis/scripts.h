#pragma once

#include <string>

namespace holdfast {

// What runs inside the server, so that a position, history and the live message are one step. Keys of a channel:
//   m  hash: e epoch (16 hex digits), s newest offset, b first offset of the epoch, g fence
//   h  stream of what is kept: entry "<offset>-0" with t (Unix ms) and d (envelope)
//   i  what an idempotency key was answered
// All keys of a channel, and its pub/sub channel, are of one slot. A live message is "<epoch> <offset> <Unix ms> <envelope>".
//
// The fence names the server that gave the last position. Another server, or the same after a restart, may have lost acknowledged
// messages, so the first that touches a channel there begins a new epoch; offsets go on, so that none is used twice.
// Numbers of Lua are exact up to 2^53, and are printed exactly up to 10^14.

inline const std::string kChannelState = R"lua(
local function state(fence, fresh)
  local m = redis.call('HMGET', KEYS[1], 'e', 's', 'b', 'g')
  if not m[1] then
    redis.call('DEL', KEYS[2])
    redis.call('HSET', KEYS[1], 'e', fresh, 's', 0, 'b', 1, 'g', fence)
    return fresh, 0, 1
  end
  if m[4] ~= fence then
    local first = tonumber(m[2]) + 1
    redis.call('HSET', KEYS[1], 'e', fresh, 'b', first, 'g', fence)
    return fresh, tonumber(m[2]), first
  end
  return m[1], tonumber(m[2]), tonumber(m[3])
end
)lua";

// KEYS m h [i]; ARGV fence, fresh epoch, Unix ms, envelope, pub/sub channel, messages kept, ms they are kept, ms the state is kept, ms of
// i. Answers "<epoch> <offset>", with " dup" behind it if the key was used.
// `publish`: PUBLISH, or in a Redis Cluster SPUBLISH.
inline std::string publish_script(const std::string& publish) {
  return kChannelState + R"lua(
if KEYS[3] then
  local used = redis.call('GET', KEYS[3])
  if used then return used .. ' dup' end
end
local epoch = state(ARGV[1], ARGV[2])
local offset = redis.call('HINCRBY', KEYS[1], 's', 1)
redis.call('XADD', KEYS[2], 'MAXLEN', ARGV[6], offset .. '-0', 't', ARGV[3], 'd', ARGV[4])
redis.call('PEXPIRE', KEYS[2], ARGV[7])
redis.call('PEXPIRE', KEYS[1], ARGV[8])
local at = epoch .. ' ' .. offset
if KEYS[3] then redis.call('SET', KEYS[3], at, 'PX', ARGV[9]) end
redis.call(')lua" +
         publish + R"lua(', ARGV[5], at .. ' ' .. ARGV[3] .. ' ' .. ARGV[4])
return at
)lua";
}

// KEYS m h; ARGV fence, fresh epoch, ms the state is kept, since epoch (empty: unknown), since offset, limit.
// Answers the top "<epoch> <offset>", whether the page continues `since`, and entries of the stream.
inline const std::string kReadScript = kChannelState + R"lua(
local epoch, top, first = state(ARGV[1], ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
local since, limit = tonumber(ARGV[5]), tonumber(ARGV[6])
local entry = redis.call('XRANGE', KEYS[2], first .. '-0', '+', 'COUNT', 1)[1]
local oldest = entry and tonumber(string.match(entry[1], '^%d+')) or top + 1
local from, whole = oldest, false
if ARGV[4] == '' then
  whole = first == 1 and oldest == 1
elseif ARGV[4] == epoch and since <= top then
  whole = oldest <= since + 1
  if whole then from = since + 1 end
end
local page = {}
if limit > 0 and from <= top then page = redis.call('XRANGE', KEYS[2], from .. '-0', '+', 'COUNT', limit) end
return {epoch .. ' ' .. top, whole and 1 or 0, page}
)lua";

// KEYS m of some channels; ARGV fence, fresh epoch. Answers each top "<epoch> <offset>", empty if there is no state. The fence counts here
// too, or a comparison with what is answered after it would find a new epoch.
inline const std::string kTopsScript = R"lua(
local tops = {}
for i = 1, #KEYS do
  local m = redis.call('HMGET', KEYS[i], 'e', 's', 'g')
  if not m[1] then
    tops[i] = ''
  elseif m[3] ~= ARGV[1] then
    redis.call('HSET', KEYS[i], 'e', ARGV[2], 'b', tonumber(m[2]) + 1, 'g', ARGV[1])
    tops[i] = ARGV[2] .. ' ' .. m[2]
  else
    tops[i] = m[1] .. ' ' .. m[2]
  end
end
return tops
)lua";

}  // namespace holdfast
