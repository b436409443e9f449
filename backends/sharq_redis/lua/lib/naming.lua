-- Naming: how often a shared limit is named, which keeps it from being dropped.
--
-- What names one: a queue's own settings, those of a queue that does not exist too; the defaults of the type; and of a
-- queue in which a job lives, the defaults that it took up, and what was brought to it. When a queue is written of which
-- one of these has changed, its names are counted in place of those before.

do
    local NONE = {}

    -- Return the names of shared limits in a text of settings, joined by '/', '' if there are none.
    function Naming.in_settings(text)
        return text and Rules.of(text).uses or ''
    end

    -- Return all that names shared limits: first the settings of a queue, then, if it lives, the rest.
    local function names_of(queue, lives)
        local features = queue[FEATURES]
        if not features or not (features.s or features.t or features.b) then
            return NONE
        end
        local own = Naming.in_settings(features.s)
        return lives and {own, Naming.in_settings(features.t), features.b or ''} or {own}
    end

    -- Add to how often the shared limits in a text are named. Raise if there is none of a name.
    local function add(names, more, by_living)
        local counter = by_living and 'by_living' or 'in_settings'
        for name in string.gmatch(names, '[^/]+') do
            local limit = Shared.get(name)
            if more ~= 0 then
                limit[counter] = math.max(0, limit[counter] + more)
                Shared.counted(limit)
            end
        end
    end

    local function add_all(list, more)
        for at = 1, #list do
            add(list[at], more, at > 1)
        end
    end

    -- Raise if a shared limit is missing or damaged that a queue names, which was just read. The row that it uses was found.
    function Naming.check(queue, lives)
        local features, row = queue[FEATURES], queue[USES]
        if row and not (features.s and (features.t or features.b)) then
            return              -- nothing else is named
        end
        local names = names_of(queue, lives)
        for at = 1, #names do
            if not row or names[at] ~= row.name then
                add(names[at], 0)
            end
        end
    end

    -- Note what a queue names, unless that was done since it was written. It is about to change.
    function Naming.note(queue)
        queue[NAMED] = queue[NAMED] or names_of(queue, not queue[KEPT])
    end

    -- Count what a queue that is written names now.
    function Naming.count(queue, lives)
        if queue[NAMED] or not lives then
            Naming.note(queue)
            add_all(queue[NAMED], -1)
            add_all(names_of(queue, lives), 1)
            queue[NAMED] = nil
        end
    end

    -- Count other names in the place of those in a text.
    function Naming.replace(before, names)
        if before ~= names then
            add(before, -1)
            add(names, 1)
        end
    end

    -- Return those of the shared limits in a text that there are.
    function Naming.known_of(names)
        local known = {}
        for name in string.gmatch(names, '[^/]+') do
            known[#known + 1] = Shared.find(name) and name or nil
        end
        return table.concat(known, '/')
    end

    -- Return whether there are all of the shared limits in a text.
    function Naming.is_known(names)
        for name in string.gmatch(names, '[^/]+') do
            if not Shared.find(name) then
                return false
            end
        end
        return true
    end
end
