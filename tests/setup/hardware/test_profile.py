"""What a hardware profile says, in variables that stages read."""

from dataenvgym_spec.execute.hardware import Hardware
from dataenvgym_spec.setup.hardware.profile import HardwareProfile, TrainingSpread


def test_where_several_machines_meet_is_one_variable() -> None:
    met = TrainingSpread(num_machines=2, main_process_ip="first")
    told = {"DATAENVGYM_MACHINES": "2", "DATAENVGYM_MAIN_ADDRESS": "first"}
    assert HardwareProfile(training=met).variables() == told
    met = TrainingSpread(main_process_ip="first", main_process_port=4567)
    told = {"DATAENVGYM_MAIN_ADDRESS": "first:4567"}
    assert HardwareProfile(training=met).variables() == told
    # On a cluster the engine chooses the machine, and the user may still say the port.
    met = TrainingSpread(main_process_port=4567)
    assert HardwareProfile(training=met).variables() == {"DATAENVGYM_MAIN_ADDRESS": ":4567"}


def test_an_address_with_colons_keeps_its_port_apart() -> None:
    met = TrainingSpread(num_machines=2, main_process_ip="2001:db8::5", main_process_port=4567)
    told = HardwareProfile(training=met).variables()
    assert told["DATAENVGYM_MAIN_ADDRESS"] == "[2001:db8::5]:4567"
    hardware = Hardware.of(told, elsewhere=0)
    assert (hardware.address, hardware.port) == ("2001:db8::5", 4567)
    met = TrainingSpread(num_machines=2, main_process_ip="fe80::1")
    hardware = Hardware.of(HardwareProfile(training=met).variables(), elsewhere=0)
    assert (hardware.address, hardware.port) == ("fe80::1", 0)
