from harness.model import Request
from harness.sabotage.flawed import flaw

REQUEST = Request("POST", "/v1/messages", (("Authorization", "Bearer sk-1"),), b"{}")


def test_a_flawed_process_passes_every_request_on_as_it_is():
    assert flaw(16, log=True).request(REQUEST) == REQUEST


def test_it_prints_the_keys_only_where_that_is_its_flaw(capsys):
    flaw(0, log=False).request(REQUEST)
    assert capsys.readouterr().out == ""
    flaw(0, log=True).request(REQUEST)
    assert "sk-1" in capsys.readouterr().out
