-- Rules: what is set for a queue, or for a type, parsed.
--
-- Settings are stored as text in JSON, as the server wrote it (settings.py): l (limits: lists of rate, per, burst,
-- unit), c(oncurrency), w(eight), m(ax_length), p(aused), u(ses), each where it is set; '' if nothing is. Rules are a
-- table that is never changed: `limits`, `concurrency`, `weight`, `max_length`, `uses`, each nil if it is not set, and
-- `paused`. `uses` is a text: the names of shared limits, joined by '/', '' for none. They are `is_plain` if nothing but
-- `uses` is set.

local Rules = {}
local NO_RULES = {paused = false}

do
    local MAX_KNOWN = 4000      -- texts whose rules are kept between calls; as many more that were used less lately
    local MAX_LIMITS, MAX_RATE, MAX_PER, MAX_WEIGHT, MAX_INTEGER = 5, 10 ^ 6, 10 ^ 12, 100, 2 ^ 53 - 1
    local MAX_USES = 2
    local A_NAME, MAX_NAME_LENGTH = '^[A-Za-z0-9_.:@+~-]+$', 100
    local is_whole = Limits.is_whole
    local rules_of, known, earlier = {}, 0, {}

    local function is_limit(rate, per, burst, unit)
        return is_whole(rate, 1, MAX_RATE) and is_whole(per, 1, MAX_PER) and is_whole(burst, 1, MAX_BURST_DEBT / per)
            and type(unit) == 'string' and #unit <= MAX_NAME_LENGTH and string.find(unit, A_NAME)
    end

    local function check(is_right)
        return is_right or error('its settings are damaged')
    end

    local function limits_of(list)
        check(type(list) == 'table' and #list <= MAX_LIMITS)
        local limits = {}
        for at = 1, #list do
            check(type(list[at]) == 'table' and is_limit(unpack(list[at])))
            limits[at] = Limits.made(unpack(list[at]))
        end
        return limits
    end

    -- Return the names of shared limits as one text.
    local function joined(names)
        check(type(names) == 'table' and #names <= MAX_USES)
        for at = 1, #names do
            check(type(names[at]) == 'string' and string.find(names[at], A_NAME))
        end
        return table.concat(names, '/')
    end

    local function parse(text)
        local fine, set = pcall(cjson.decode, text)
        check(fine and type(set) == 'table')
        check(set.c == nil or is_whole(set.c, 1, MAX_INTEGER))
        check(set.w == nil or is_whole(set.w, 1, MAX_WEIGHT))
        check(set.m == nil or is_whole(set.m, 0, MAX_INTEGER))
        check(set.p == nil or type(set.p) == 'boolean')
        return {limits = set.l ~= nil and limits_of(set.l) or nil, concurrency = set.c, weight = set.w,
            max_length = set.m, paused = set.p == true, uses = set.u ~= nil and joined(set.u) or nil,
            is_plain = not (set.l or set.c or set.w or set.m or set.p)}
    end

    local function keep(text, rules)
        if known == MAX_KNOWN then
            earlier, rules_of, known = rules_of, {}, 0
        end
        rules_of[text], known = rules, known + 1
        return rules
    end

    -- Return the rules of settings; raises if they are damaged.
    function Rules.of(text)
        return text == '' and NO_RULES or rules_of[text]
            or keep(text, earlier[text] or parse(check(type(text) == 'string') and text))
    end

    -- Return the rules of own settings, and where something is not set, those of the defaults of the type.
    function Rules.with_defaults(own, defaults)
        if own == NO_RULES or defaults == NO_RULES then
            return own == NO_RULES and defaults or own
        end
        own.over = own.over or {}
        local rules = own.over[defaults]
        if not rules then
            rules = {limits = own.limits or defaults.limits, concurrency = own.concurrency or defaults.concurrency,
                weight = own.weight or defaults.weight, max_length = own.max_length or defaults.max_length,
                paused = own.paused, uses = own.uses or defaults.uses}
            own.over = {[defaults] = rules}
        end
        return rules
    end
end
