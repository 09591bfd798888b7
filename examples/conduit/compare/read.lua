-- Reads as a front page makes them: lists, single articles, comments, a feed, tags.
local token = os.getenv("TOKEN")
local articles = tonumber(os.getenv("ARTICLES"))
local signed = { ["Authorization"] = "Token " .. token }

math.randomseed(1)

function request()
    local kind, article = math.random(100), math.random(articles)
    if kind <= 30 then return wrk.format("GET", "/api/articles?limit=20&offset=" .. math.random(0, 40), signed) end
    if kind <= 65 then return wrk.format("GET", "/api/articles/article-" .. article, signed) end
    if kind <= 80 then return wrk.format("GET", "/api/articles/article-" .. article .. "/comments", signed) end
    if kind <= 88 then return wrk.format("GET", "/api/articles?tag=tag" .. math.random(20), signed) end
    if kind <= 95 then return wrk.format("GET", "/api/articles/feed", signed) end
    return wrk.format("GET", "/api/tags")
end

function done(summary)
    local errors = summary.errors
    io.write("failed ", errors.status + errors.connect + errors.read + errors.write + errors.timeout, "\n")
end
