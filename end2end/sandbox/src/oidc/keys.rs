//! Keys and signatures, RS256 and ES256, and the signatures that nobody should accept.

use anyhow::{Result, anyhow};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256};
use aws_lc_rs::{hmac, rsa};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::state::random_hex;

/// A signing key with its name.
pub struct Key {
    pub kid: String,
    pair: Pair,
}

enum Pair {
    Rsa(Box<rsa::KeyPair>),
    Elliptic(Box<EcdsaKeyPair>),
}

impl Key {
    pub fn new_rsa() -> Result<Self> {
        let pair = rsa::KeyPair::generate(rsa::KeySize::Rsa2048).map_err(|_| anyhow!("no RSA key could be made"))?;
        Ok(Self {
            kid: random_hex(8),
            pair: Pair::Rsa(Box::new(pair)),
        })
    }

    pub fn new_elliptic() -> Result<Self> {
        let pair =
            EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| anyhow!("no EC key could be made"))?;
        Ok(Self {
            kid: random_hex(8),
            pair: Pair::Elliptic(Box::new(pair)),
        })
    }

    pub fn algorithm(&self) -> &'static str {
        match self.pair {
            Pair::Rsa(_) => "RS256",
            Pair::Elliptic(_) => "ES256",
        }
    }

    /// As a JSON Web Key.
    pub fn public(&self) -> Value {
        let mut key = match &self.pair {
            Pair::Rsa(pair) => {
                let public = pair.public_key();
                json!({ "kty": "RSA",
                    "n": URL_SAFE_NO_PAD.encode(public.modulus().big_endian_without_leading_zero()),
                    "e": URL_SAFE_NO_PAD.encode(public.exponent().big_endian_without_leading_zero()) })
            }
            Pair::Elliptic(pair) => {
                // 0x04, then both coordinates of 32 bytes.
                let point = pair.public_key().as_ref();
                json!({ "kty": "EC", "crv": "P-256", "x": URL_SAFE_NO_PAD.encode(&point[1..33]),
                    "y": URL_SAFE_NO_PAD.encode(&point[33..]) })
            }
        };
        key["kid"] = self.kid.clone().into();
        key["use"] = "sig".into();
        key["alg"] = self.algorithm().into();
        key
    }

    /// A token signed as it should be, under the name `kid`.
    pub fn sign(&self, kid: &str, claims: &Value) -> Result<String> {
        let input = signing_input(&json!({ "alg": self.algorithm(), "typ": "JWT", "kid": kid }), claims);
        let random = SystemRandom::new();
        let failed = |_| anyhow!("signing failed");
        let signature = match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, input.as_bytes(), &mut signature)
                    .map_err(failed)?;
                signature
            }
            Pair::Elliptic(pair) => pair.sign(&random, input.as_bytes()).map_err(failed)?.as_ref().to_vec(),
        };
        Ok(format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// HS256 with something that is no shared secret between signer and reader, under the name of this key.
    pub fn sign_shared(&self, secret: &[u8], claims: &Value) -> String {
        let input = signing_input(&json!({ "alg": "HS256", "typ": "JWT", "kid": self.kid }), claims);
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), input.as_bytes());
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(tag))
    }
}

/// `alg: none`: nothing after the last dot.
pub fn leave_unsigned(claims: &Value) -> String {
    format!("{}.", signing_input(&json!({ "alg": "none", "typ": "JWT" }), claims))
}

fn signing_input(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}
