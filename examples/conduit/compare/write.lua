-- Writes: comments, favourites, new articles, edits. One request in ten reads.
local token = os.getenv("TOKEN")
local articles = tonumber(os.getenv("ARTICLES"))
local json = { ["Authorization"] = "Token " .. token, ["Content-Type"] = "application/json" }
local text = string.rep("All that is written is kept. ", 10)

math.randomseed(1)

function request()
    local kind, article = math.random(100), "/api/articles/article-" .. math.random(articles)
    if kind <= 40 then return wrk.format("POST", article .. "/comments", json, '{"comment":{"body":"' .. text .. '"}}') end
    if kind <= 55 then return wrk.format("POST", article .. "/favorite", json) end
    if kind <= 65 then return wrk.format("DELETE", article .. "/favorite", json) end
    if kind <= 80 then
        local title = "new " .. math.random(1000000000)
        local body = '{"article":{"title":"' .. title .. '","description":"about","body":"' .. text .. '","tagList":["new"]}}'
        return wrk.format("POST", "/api/articles", json, body)
    end
    -- the user's own articles are the last fifty
    local own = "/api/articles/article-" .. math.random(articles - 49, articles)
    if kind <= 90 then return wrk.format("PUT", own, json, '{"article":{"body":"' .. text .. math.random(1000) .. '"}}') end
    return wrk.format("GET", article, json)
end

function done(summary)
    local errors = summary.errors
    io.write("failed ", errors.status + errors.connect + errors.read + errors.write + errors.timeout, "\n")
end
