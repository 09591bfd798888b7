CREATE TABLE IF NOT EXISTS users (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL UNIQUE,
    password TEXT NOT NULL,
    bio TEXT,
    image TEXT
);
CREATE TABLE IF NOT EXISTS follows (
    follower BIGINT NOT NULL REFERENCES users ON DELETE CASCADE,
    followed BIGINT NOT NULL REFERENCES users ON DELETE CASCADE,
    PRIMARY KEY (follower, followed)
);
CREATE TABLE IF NOT EXISTS articles (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    slug TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    description TEXT NOT NULL,
    body TEXT NOT NULL,
    author BIGINT NOT NULL REFERENCES users ON DELETE CASCADE,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL
);
CREATE INDEX IF NOT EXISTS articles_by_author ON articles (author, id);
CREATE TABLE IF NOT EXISTS article_tags (
    article BIGINT NOT NULL REFERENCES articles ON DELETE CASCADE,
    position INT NOT NULL,
    tag TEXT NOT NULL,
    PRIMARY KEY (article, position)
);
CREATE INDEX IF NOT EXISTS articles_by_tag ON article_tags (tag, article);
CREATE TABLE IF NOT EXISTS favorites (
    article BIGINT NOT NULL REFERENCES articles ON DELETE CASCADE,
    user_id BIGINT NOT NULL REFERENCES users ON DELETE CASCADE,
    PRIMARY KEY (article, user_id)
);
CREATE INDEX IF NOT EXISTS favorites_by_user ON favorites (user_id, article);
CREATE TABLE IF NOT EXISTS comments (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    article BIGINT NOT NULL REFERENCES articles ON DELETE CASCADE,
    author BIGINT NOT NULL REFERENCES users ON DELETE CASCADE,
    body TEXT NOT NULL,
    created BIGINT NOT NULL
);
CREATE INDEX IF NOT EXISTS comments_by_article ON comments (article, id);
CREATE INDEX IF NOT EXISTS comments_by_author ON comments (author);
