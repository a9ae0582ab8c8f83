//! Whose tokens are believed: every kind of key, everything that can be wrong with a token, and
//! key sets that change, fail or should not be used at all.
//!
//! The keys in `testdata` were made for these tests.
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use boxoffice_api::config::{Auth, Config, Database, KeySetSource, PublicKeyAlgorithm};
use boxoffice_api::node::Node;
use insta::assert_snapshot;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use support::{House, in_house_with};
use tempfile::NamedTempFile;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const RSA: &[u8] = include_bytes!("testdata/rsa.pem");
const RSA_PUBLIC: &[u8] = include_bytes!("testdata/rsa_public.pem");
const EC: &[u8] = include_bytes!("testdata/ec.pem");
const ED: &[u8] = include_bytes!("testdata/ed.pem");
const ED_NEXT: &[u8] = include_bytes!("testdata/ed_next.pem");

/// The year 2100.
const LATER: i64 = 4_102_444_800;
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// The answer to a token that no key of ours has signed.
const NOT_VERIFIED: &str = r#"401 {"type":"/problems/token_invalid","title":"Token invalid","status":401,"detail":"the token cannot be verified","code":"token_invalid"}
  Bearer realm="boxoffice", error="invalid_token""#;

/// Somebody who signs tokens.
struct Issuer {
    kid: &'static str,
    algorithm: Algorithm,
    key: EncodingKey,
}

impl Issuer {
    fn rsa() -> Self {
        let key = EncodingKey::from_rsa_pem(RSA).unwrap();
        Self { kid: "rsa", algorithm: Algorithm::RS256, key }
    }

    fn ec() -> Self {
        let key = EncodingKey::from_ec_pem(EC).unwrap();
        Self { kid: "ec", algorithm: Algorithm::ES256, key }
    }

    fn ed(kid: &'static str, pem: &[u8]) -> Self {
        Self { kid, algorithm: Algorithm::EdDSA, key: EncodingKey::from_ed_pem(pem).unwrap() }
    }

    fn header(&self) -> Header {
        Header { kid: Some(self.kid.to_owned()), ..Header::new(self.algorithm) }
    }

    fn sign(&self, claims: &Value) -> String {
        self.sign_with(&self.header(), claims)
    }

    fn sign_with(&self, header: &Header, claims: &Value) -> String {
        jsonwebtoken::encode(header, claims, &self.key).unwrap()
    }

    /// The public half, as a key set has it.
    fn jwk(&self) -> Value {
        let mut jwk = Jwk::from_encoding_key(&self.key, self.algorithm).unwrap();
        jwk.common.key_id = Some(self.kid.to_owned());
        serde_json::to_value(jwk).unwrap()
    }
}

fn signed(secret: &[u8], header: &Header, claims: &Value) -> String {
    jsonwebtoken::encode(header, claims, &EncodingKey::from_secret(secret)).unwrap()
}

fn key_set(issuers: &[&Issuer]) -> Value {
    json!({ "keys": issuers.iter().map(|issuer| issuer.jwk()).collect::<Vec<_>>() })
}

fn claims() -> Value {
    json!({ "sub": "alice", "role": "buyer", "exp": LATER, "aud": "boxoffice", "iss": "us" })
}

/// The claims with another value, or without one.
fn but(claim: &str, value: Value) -> Value {
    let mut claims = claims();
    match value {
        Value::Null => claims.as_object_mut().unwrap().remove(claim),
        value => claims.as_object_mut().unwrap().insert(claim.to_owned(), value),
    };
    claims
}

/// The configuration of a house that believes this.
fn believing(auth: Auth) -> impl FnOnce(&mut Config) {
    move |config: &mut Config| {
        config.auth =
            Auth { audience: Some("boxoffice".into()), issuer: Some("us".into()), ..auth };
    }
}

fn file(content: &str) -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), content).unwrap();
    file
}

fn set_in(file: &NamedTempFile) -> Auth {
    Auth { jwks: Some(KeySetSource::File(file.path().to_owned())), ..Auth::default() }
}

/// The answer to this token, and its challenge.
async fn answer(house: &House, token: &str) -> String {
    let reply = house.get("/v1/me/orders", Some(token)).await;
    if reply.status == StatusCode::OK {
        return "200".to_owned();
    }
    let challenge = reply.header("www-authenticate");
    format!("{} {}\n  {challenge}", reply.status.as_u16(), reply.body)
}

async fn status(house: &House, token: &str) -> StatusCode {
    house.get("/v1/me/orders", Some(token)).await.status
}

/// Somebody else's server, which counts who asks for its key set.
#[derive(Clone, Default)]
struct KeyServer {
    published: Arc<Mutex<(u16, String)>>,
    asked: Arc<AtomicUsize>,
    url: String,
}

impl KeyServer {
    /// Serves in a thread of its own: it is there before the house.
    fn start(set: &Value) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        let server = Self { url, ..Self::default() };
        server.publish(200, &set.to_string());
        let served = server.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                let keys = get(async move || served.answer());
                axum::serve(listener, Router::new().route("/keys", keys)).await.unwrap();
            });
        });
        server
    }

    fn answer(&self) -> (StatusCode, String) {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let (status, body) = self.published.lock().unwrap().clone();
        (StatusCode::from_u16(status).unwrap(), body)
    }

    fn publish(&self, status: u16, body: &str) {
        *self.published.lock().unwrap() = (status, body.to_owned());
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn auth(&self, refresh_seconds: u32) -> Auth {
        let jwks_refresh_seconds = refresh_seconds.try_into().unwrap();
        let jwks = Some(KeySetSource::from(self.url.clone()));
        Auth { jwks, jwks_refresh_seconds, ..Auth::default() }
    }
}

#[test]
fn a_token_of_every_kind_of_key_is_believed() {
    let public = |name: &str, algorithm| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/testdata");
        let (public_key_file, algorithm) = (Some(folder.join(name)), Some(algorithm));
        Auth { public_key_file, algorithm, ..Auth::default() }
    };
    let secret_file = file(SECRET);
    let secret = Auth { secret_file: Some(secret_file.path().to_owned()), ..Auth::default() };
    let hs256 = signed(SECRET.as_bytes(), &Header::default(), &claims());
    let (rsa, ec, ed) = (Issuer::rsa(), Issuer::ec(), Issuer::ed("ed", ED));
    let tokens = [&rsa, &ec, &ed].map(|issuer| issuer.sign(&claims()));
    let [rs256, es256, eddsa] = tokens.clone();
    let set = key_set(&[&rsa, &ec, &ed]);
    let set_file = file(&set.to_string());
    let houses = [
        (secret, vec![hs256]),
        (public("rsa_public.pem", PublicKeyAlgorithm::RS256), vec![rs256]),
        (public("ec_public.pem", PublicKeyAlgorithm::ES256), vec![es256]),
        (public("ed_public.pem", PublicKeyAlgorithm::EdDSA), vec![eddsa]),
        (set_in(&set_file), tokens.to_vec()),
        (KeyServer::start(&set).auth(300), tokens.to_vec()),
    ];
    for (auth, tokens) in houses {
        in_house_with(believing(auth.clone()), async |house| {
            for token in tokens {
                assert_eq!(status(&house, &token).await, StatusCode::OK, "{auth:?} {token}");
            }
        });
    }
}

#[test]
fn what_is_wrong_with_a_token_is_answered_exactly() {
    let (rsa, ec, ed) = (Issuer::rsa(), Issuer::ec(), Issuer::ed("ed", ED));
    let in_a_minute_and_more = jiff::Timestamp::now().as_second() + 3_600;
    let renamed = |kid: Option<&str>| Header { kid: kid.map(str::to_owned), ..rsa.header() };
    let confused = Header { kid: Some("rsa".to_owned()), ..Header::new(Algorithm::HS256) };
    let good = rsa.sign(&claims());
    let parts: Vec<&str> = good.split('.').collect();
    let others = rsa.sign(&but("sub", json!("bob")));
    let (_, others_signature) = others.rsplit_once('.').unwrap();
    // {"alg":"none","kid":"rsa"}
    let none = "eyJhbGciOiJub25lIiwia2lkIjoicnNhIn0";
    let modulus = rsa.jwk()["n"].as_str().unwrap().to_owned();
    let critical = Header { crit: Some(vec!["b64".to_owned()]), ..rsa.header() };
    let tokens = [
        ("good", good.clone()),
        ("no audience", rsa.sign(&but("aud", Value::Null))),
        ("another audience", rsa.sign(&but("aud", json!("elsewhere")))),
        ("ours among audiences", rsa.sign(&but("aud", json!(["elsewhere", "boxoffice"])))),
        ("no issuer", rsa.sign(&but("iss", Value::Null))),
        ("another issuer", rsa.sign(&but("iss", json!("them")))),
        ("not yet", rsa.sign(&but("nbf", json!(in_a_minute_and_more)))),
        ("expired", rsa.sign(&but("exp", json!(1_000_000_000)))),
        ("no expiry", rsa.sign(&but("exp", Value::Null))),
        ("no subject", rsa.sign(&but("sub", Value::Null))),
        ("another role", rsa.sign(&but("role", json!("emperor")))),
        ("algorithm none", format!("{none}.{}.", parts[1])),
        ("algorithm none, signed", format!("{none}.{}.{}", parts[1], parts[2])),
        ("no signature", format!("{}.{}.", parts[0], parts[1])),
        ("signature of other claims", format!("{}.{}.{others_signature}", parts[0], parts[1])),
        ("public key as a secret", signed(RSA_PUBLIC, &confused, &claims())),
        ("modulus as a secret", signed(modulus.as_bytes(), &confused, &claims())),
        (
            "key of another algorithm",
            ec.sign_with(&Header { kid: Some("rsa".into()), ..ec.header() }, &claims()),
        ),
        ("unknown key", rsa.sign_with(&renamed(Some("nobody")), &claims())),
        ("no key", rsa.sign_with(&renamed(None), &claims())),
        ("critical extension", rsa.sign_with(&critical, &claims())),
    ];
    let set = file(&key_set(&[&rsa, &ec, &ed]).to_string());
    in_house_with(believing(set_in(&set)), async |house| {
        let mut answers = String::new();
        for (name, token) in tokens {
            answers.push_str(&format!("{name}\n  {}\n", answer(&house, &token).await));
        }
        assert_snapshot!(answers);
    });
}

#[test]
fn a_token_cannot_bring_its_own_key() {
    let (us, them) = (Issuer::ed("ed", ED), Issuer::ed("theirs", ED_NEXT));
    let their_server = KeyServer::start(&key_set(&[&them]));
    let server = KeyServer::start(&key_set(&[&us]));
    in_house_with(believing(server.auth(300)), async |house| {
        let url = Some(their_server.url.clone());
        for kid in [Some("theirs".to_owned()), Some("ed".to_owned()), None] {
            let header = Header { kid, ..them.header() };
            let forged = [
                Header { jku: url.clone(), ..header.clone() },
                Header { x5u: url.clone(), ..header.clone() },
                Header { jwk: serde_json::from_value(them.jwk()).unwrap(), ..header.clone() },
            ];
            for header in forged {
                let token = them.sign_with(&header, &claims());
                assert_eq!(answer(&house, &token).await, NOT_VERIFIED);
            }
        }
        assert_eq!(status(&house, &us.sign(&claims())).await, StatusCode::OK);
        assert_eq!(their_server.asked(), 0);
    });
}

#[test]
fn an_unknown_key_makes_the_set_be_read_again_but_not_at_once_again() {
    let (old, new) = (Issuer::ed("old", ED), Issuer::ed("new", ED_NEXT));
    let server = KeyServer::start(&key_set(&[&old]));
    in_house_with(believing(server.auth(300)), async |house| {
        let (of_old, of_new) = (old.sign(&claims()), new.sign(&claims()));
        assert_eq!(status(&house, &of_old).await, StatusCode::OK);
        assert_eq!(status(&house, &of_new).await, StatusCode::UNAUTHORIZED);
        server.publish(200, &key_set(&[&old, &new]).to_string());
        // Asking often is no use to anybody.
        while status(&house, &of_new).await == StatusCode::UNAUTHORIZED {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        assert_eq!(server.asked(), 2);
        assert_eq!(status(&house, &of_old).await, StatusCode::OK);
    });
}

#[test]
fn a_key_that_left_the_set_verifies_nothing_any_more() {
    let (old, new) = (Issuer::ed("old", ED), Issuer::ed("new", ED_NEXT));
    let server = KeyServer::start(&key_set(&[&old, &new]));
    in_house_with(believing(server.auth(1)), async |house| {
        let (of_old, of_new) = (old.sign(&claims()), new.sign(&claims()));
        // Believed, and remembered as such.
        assert_eq!(status(&house, &of_old).await, StatusCode::OK);
        assert_eq!(status(&house, &of_new).await, StatusCode::OK);
        server.publish(200, &key_set(&[&new]).to_string());
        while status(&house, &of_old).await == StatusCode::OK {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        assert_eq!(answer(&house, &of_old).await, NOT_VERIFIED);
        assert_eq!(status(&house, &of_new).await, StatusCode::OK);
        // The name of a key is not the key.
        let renamed = Issuer::ed("new", ED);
        server.publish(200, &key_set(&[&renamed]).to_string());
        while status(&house, &of_new).await == StatusCode::OK {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        assert_eq!(status(&house, &renamed.sign(&claims())).await, StatusCode::OK);
    });
}

#[test]
fn keys_stay_while_the_set_cannot_be_read() {
    let issuer = Issuer::ed("ed", ED);
    let server = KeyServer::start(&key_set(&[&issuer]));
    in_house_with(believing(server.auth(1)), async |house| {
        let token = issuer.sign(&claims());
        for (status_code, body) in [(500, "out of order"), (200, "{}"), (200, r#"{"keys": []}"#)] {
            server.publish(status_code, body);
            // The next one is asked for when the one before was dealt with.
            let enough = server.asked() + 2;
            while server.asked() < enough {
                tokio::time::sleep(POLL_INTERVAL).await;
            }
            assert_eq!(status(&house, &token).await, StatusCode::OK, "{body}");
        }
        let metrics = house.get("/metrics", None).await.body;
        let failed = "boxoffice_api_key_set_refreshes_total{outcome=\"failed\"}";
        assert!(metrics.contains(failed), "{metrics}");
    });
}

/// Why a node with this key set does not start.
fn refusal(jwks: KeySetSource) -> String {
    let dir = tempfile::tempdir().unwrap();
    rustls::crypto::aws_lc_rs::default_provider().install_default().unwrap_or_default();
    let config = Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        data_dir: dir.path().to_owned(),
        database: Database::None,
        auth: Auth { jwks: Some(jwks), ..Auth::default() },
        ..Config::default()
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(Node::start(config)).unwrap_err().to_string()
}

#[test]
fn a_key_set_that_cannot_be_used_is_said_in_one_line() {
    let ed = Issuer::ed("ed", ED).jwk();
    let with = |changes: Value| {
        let mut jwk = ed.clone();
        jwk.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        jwk
    };
    let symmetric = json!({ "kty": "oct", "kid": "ed", "k": "c2VjcmV0", "alg": "HS256" });
    let sets = [
        ("symmetric", json!({ "keys": [ed, symmetric] }).to_string()),
        ("ambiguous", json!({ "keys": [ed, ed] }).to_string()),
        ("empty", json!({ "keys": [] }).to_string()),
        ("nameless", json!({ "keys": [with(json!({ "kid": null }))] }).to_string()),
        ("for encryption", json!({ "keys": [with(json!({ "use": "enc" }))] }).to_string()),
        (
            "for signing alone",
            json!({ "keys": [with(json!({ "key_ops": ["sign"] }))] }).to_string(),
        ),
        ("another algorithm", json!({ "keys": [with(json!({ "alg": "HS256" }))] }).to_string()),
        ("damaged", json!({ "keys": [with(json!({ "x": "?" }))] }).to_string()),
        ("a page", "<html>".to_owned()),
        ("too large", " ".repeat(256 * 1024 + 1)),
    ];
    let mut refusals = String::new();
    for (name, set) in sets {
        let file = file(&set);
        let in_a_file = refusal(KeySetSource::File(file.path().to_owned()));
        let in_a_file = in_a_file.replace(file.path().to_str().unwrap(), "HERE");
        let at_a_url = KeyServer::start(&Value::Null);
        at_a_url.publish(200, &set);
        let same = refusal(KeySetSource::from(at_a_url.url.clone()));
        assert_eq!(same.replace(&at_a_url.url, "HERE"), in_a_file);
        refusals.push_str(&format!("{name}\n  {in_a_file}\n"));
    }
    let server = KeyServer::start(&Value::Null);
    server.publish(404, "");
    let missing = refusal(KeySetSource::from(server.url.clone()));
    refusals.push_str(&format!("missing\n  {}\n", missing.replace(&server.url, "HERE")));
    assert_snapshot!(refusals);

    let nowhere = refusal(KeySetSource::from("nowhere.json".to_owned()));
    assert!(nowhere.starts_with("key set nowhere.json: No such file"), "{nowhere}");
    let silent = refusal(KeySetSource::from("http://127.0.0.1:1/keys".to_owned()));
    assert!(silent.starts_with("key set http://127.0.0.1:1/keys: "), "{silent}");
    assert!(silent.contains("Connection refused") && !silent.contains('\n'), "{silent}");
}
