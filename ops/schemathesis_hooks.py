"""What schemathesis can't be told by its options: where requests come from, whose sign-in they use up, what was answered.

Loaded by schemathesis; `ops/schemathesis.sh` sets the environment and prints and judges the counts.
"""

import atexit
import ipaddress
import itertools
import json
import os
import re
import urllib.request
from collections import Counter, defaultdict

import requests
import schemathesis
from schemathesis import GenerationMode

API = os.environ["SCHEMATHESIS_ADDRESS"] + "/api/v1"
ADMIN = os.environ["SCHEMATHESIS_KEY"]
# The run's own person and key: what ends them ends the run.
OWN = set(os.environ["SCHEMATHESIS_OWN"].split(","))
ENDING = {
    "change_user",
    "delete_user",
    "reset_password",
    "revoke_key",
    "rotate_key",
    "delete_integration",
    "replace_integration",
    "change_integration",
}
# They act on the sign-in that they come with, which an API key is not.
OF_A_SIGN_IN = {"logout", "change_password", "refresh"}
# Rows that others are read by: 01 to 19 of a kind.
SEEDED = re.compile(r"0{8}(-0{4}){3}-0{8}\d\d[01]\d")
NOTHING = "00000000-0000-0000-0000-000000000000"
PASSWORD = "correct horse battery"

addresses = itertools.count(int(ipaddress.ip_address("10.0.0.1")))
people = itertools.count(1)
turns = itertools.count()
answers = defaultdict(Counter)


@schemathesis.hook
def before_call(context, case, kwargs):
    # Made-up credentials are guesses, after some of which an address has to wait: each request has one of its own.
    case.headers["X-Forwarded-For"] = str(ipaddress.ip_address(next(addresses)))
    name = case.operation.definition.raw["operationId"]
    if name in ENDING:
        for parameter, value in case.path_parameters.items():
            case.path_parameters[parameter] = spare(value)
    if name in OF_A_SIGN_IN and is_positive(case):
        use_new_sign_in(name, case, kwargs)


@schemathesis.hook
def after_call(context, case, response):
    # A made-up method is not the operation.
    if case.method.upper() == case.operation.method.upper():
        answers[case.operation.definition.raw["operationId"]][response.status_code] += 1


def spare(value):
    """Another thing of the kind where others are read by this one."""
    if str(value).lower() in OWN:
        return NOTHING
    if isinstance(value, str) and SEEDED.fullmatch(value):
        return f"{value[:-2]}{20 + next(turns) % 60}"
    return value


def is_positive(case):
    return case.meta is None or case.meta.generation.mode == GenerationMode.POSITIVE


def use_new_sign_in(name, case, kwargs):
    """Signs a new person in and has the request come from them."""
    person = {"username": f"stranger.{next(people)}", "password": PASSWORD}
    post("users", {**person, "role": "viewer"}, ADMIN)
    tokens = post("auth/login", person)
    if name == "refresh":
        if isinstance(case.body, dict):
            case.body["refresh_token"] = tokens["refresh_token"]
        return
    if name == "change_password" and isinstance(case.body, dict):
        case.body["current_password"] = PASSWORD
    kwargs["auth"] = SignIn(tokens["access_token"])


class SignIn(requests.auth.AuthBase):
    """Comes before the key that the whole run uses."""

    def __init__(self, token):
        self.token = token

    def __call__(self, request):
        request.headers["Authorization"] = f"Bearer {self.token}"
        return request


def post(path, body, bearer=None):
    headers = {"Content-Type": "application/json", "X-Forwarded-For": str(ipaddress.ip_address(next(addresses)))}
    if bearer:
        headers["Authorization"] = f"Bearer {bearer}"
    request = urllib.request.Request(f"{API}/{path}", json.dumps(body).encode(), headers, method="POST")
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)


@atexit.register
def write_answers():
    with open(os.environ["SCHEMATHESIS_ANSWERS"], "w", encoding="utf-8") as file:
        json.dump(answers, file)
