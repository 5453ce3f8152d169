"""Known faults, planted into a copy of a clean subject: what an audit is worth is what it finds of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec

from holdfast.auditing import planted_data as data
from holdfast.auditing import planted_identities as identities
from holdfast.auditing import planted_later as later
from holdfast.auditing import planted_models as models
from holdfast.auditing import planted_networks as networks
from holdfast.auditing import planted_origin as origin
from holdfast.auditing import planted_people as people
from holdfast.auditing import planted_supply as supply
from holdfast.auditing.credit import Twin, clean_twin
from holdfast.auditing.other_twins import repayment_twin, scaled_twin


@dataclass(frozen=True, slots=True)
class Fault:
    """One planted fault.

    Attributes
    ----------
    description
        What was done to the copy.
    measurement
        Id of the measurement that must fail its threshold; its check is the one that has to notice.
    plant
        Makes the faulty copy from the clean one.
    must_fail
        Whether it is a fault; else it only looks like one, and failing it would be a false alarm.
    limit
        What the measurement may be at most, where the baseline policy says nothing of it.
    sensitive
        Columns that describe people, as the deployment of the copy names them.
    beside
        Checks whose findings that check reads.
    twin
        Draws the clean one from a seed.
    extra
        What has to be installed for it, by the name of the extra and of the module; else it is not planted.
    """

    description: str
    measurement: str
    plant: Callable[[Twin], Twin]
    must_fail: bool = True
    limit: float | None = None
    sensitive: tuple[str, ...] = ("sex",)
    beside: tuple[str, ...] = ()
    twin: Callable[[int], Twin] = clean_twin
    extra: str = ""

    @property
    def check(self) -> str:
        """Id of the check that has to notice."""
        return ".".join(self.measurement.split(".")[:2])

    @property
    def why_not(self) -> str:
        """Why it cannot be planted here; empty where it can."""
        is_there = not self.extra or find_spec(self.extra) is not None
        return "" if is_there else f"{self.extra} is not installed: pip install 'holdfast[{self.extra}]'"


FAULTS: Mapping[str, Fault] = {
    "leaked_target": Fault(
        "a column repeats the target in 97 % of rows", "data.leakage.n_suspect_columns", data.leaked_target
    ),
    "leaked_by_two": Fault(
        "two columns give the outcome away by being equal", "data.leaking_pairs.n_suspect_pairs", data.leaked_by_two
    ),
    "identifier": Fault("a running number is an input", "data.leakage.n_identifier_columns", data.identifier_column),
    "copied_rows": Fault("20 % of test rows come from training", "data.duplicates.excess_overlap", data.copied_rows),
    "altered_rows": Fault(
        "20 % of test rows are training rows with another income",
        "data.near_duplicates.excess_near_overlap",
        data.altered_rows,
    ),
    "rewritten_rows": Fault(
        "20 % of test rows are training rows with another age and purpose",
        "data.near_duplicates.excess_altered_overlap",
        data.rewritten_rows,
    ),
    "alike_rows": Fault(
        "as many share two of their cells with one",
        "data.near_duplicates.excess_altered_overlap",
        data.alike_rows,
        must_fail=False,
    ),
    "careless_labels": Fault(
        "one in eight training outcomes is turned", "data.labels.mislabelled_share_train", data.careless_labels
    ),
    "few_women": Fault(
        "two of three women are left out of training",
        "data.representativeness.largest_difference.train",
        data.few_women,
    ),
    "kept_back": Fault(
        "one in five who default did not state the debt", "data.missingness.gap_by_outcome", data.kept_back
    ),
    "lost_by_chance": Fault(
        "as many debts are lost by chance", "data.missingness.gap_by_outcome", data.lost_by_chance, must_fail=False
    ),
    "harmed_subgroup": Fault(
        "outcomes of renters in the north are turned", "performance.slices.worst_gap", models.harmed_subgroup
    ),
    "overconfidence": Fault("logits are tripled", "performance.calibration.ece", models.overconfidence),
    "sex_decides": Fault(
        "women are asked for more than men alike", "fairness.counterfactual.changed_share.sex", people.sex_decides
    ),
    "stand_in": Fault(
        "a form of address stands in for the sex", "fairness.group_gaps.equalised_odds.sex", people.stand_in
    ),
    "promised_less": Fault(
        "stated risks of women are too high", "fairness.scores.calibration_gap.sex", people.promised_less
    ),
    "harmed_combination": Fault(
        "women in the north are taken for risks",
        "fairness.intersections.opportunity_shortfall",
        people.harmed_combination,
        sensitive=("sex", "region"),
    ),
    "unequal_incomes": Fault(
        "women earn less, and are told the truth",
        "fairness.scores.calibration_gap.sex",
        data.unequal_incomes,
        must_fail=False,
    ),
    "brittle_feature": Fault(
        "one answer in the form decides", "robustness.evasion.attack_success", models.brittle_feature
    ),
    "patrols_follow_patrols": Fault(
        "patrols go to where patrols found something",
        "monitoring.feedback_loop.loop_gain",
        people.patrols_follow_patrols,
    ),
    "patrols_follow_rates": Fault(
        "scores of areas change by themselves",
        "monitoring.feedback_loop.loop_gain",
        people.patrols_follow_rates,
        must_fail=False,
    ),
    "other_unit": Fault(
        "income comes by the year in one table and by the month in the other", "data.drift.n_changed", data.other_unit
    ),
    "incomes_fell": Fault(
        "those who apply today earn a seventh less",
        "data.drift.n_drifted",
        later.incomes_fell,
        twin=later.later_twin,
    ),
    "sorted_by_income": Fault(
        "today's rows are sorted by income, the columns in another order",
        "data.drift.n_drifted",
        later.sorted_by_income,
        must_fail=False,
        twin=later.later_twin,
    ),
    "debts_forgiven": Fault(
        "half of those who owe much and would default are let off today",
        "data.drift.concept_effect",
        later.debts_forgiven,
        limit=0.02,
        twin=later.later_twin,
    ),
    "others_apply": Fault(
        "half of those who owe much do not apply today, so that fewer default",
        "data.drift.concept_effect",
        later.others_apply,
        must_fail=False,
        limit=0.02,
        twin=later.later_twin,
    ),
    "wrong_and_as_sure": Fault(
        "chance decides a third of today's outcomes, and the model is as sure as ever",
        "performance.estimated.refutation",
        later.wrong_and_as_sure,
        twin=later.later_twin,
    ),
    "surer_and_right": Fault(
        "half of those who owe much do not apply today: the model is surer, and right to be",
        "performance.estimated.refutation",
        later.surer_and_right,
        must_fail=False,
        twin=later.later_twin,
    ),
    "hostile_file": Fault(
        "a pickle beside the model runs code", "supply_chain.artefact_scan.n_failed", models.hostile_file
    ),
    "exchanged_input": Fault(
        "the training table was altered after training",
        "supply_chain.provenance.n_changed",
        origin.exchanged_input,
        twin=origin.recorded_twin,
    ),
    "rewritten_input": Fault(
        "it was written again with another separator",
        "supply_chain.provenance.n_changed",
        origin.rewritten_input,
        must_fail=False,
        twin=origin.recorded_twin,
    ),
    "model_of_others": Fault(
        "the model was trained on other people than was said",
        "supply_chain.reproducibility.changed_share",
        origin.model_of_others,
        limit=0.02,
    ),
    "model_of_another_seed": Fault(
        "it was trained on them, with another seed",
        "supply_chain.reproducibility.changed_share",
        origin.model_of_another_seed,
        must_fail=False,
        limit=0.02,
    ),
    "exchanged_file": Fault(
        "a file of the model is exchanged after it was signed",
        "supply_chain.signature.n_altered",
        supply.exchanged_file,
        twin=supply.signed_twin,
    ),
    "signed_again": Fault(
        "a file is exchanged, and the model signed again",
        "supply_chain.signature.n_altered",
        supply.signed_again,
        must_fail=False,
        twin=supply.signed_twin,
    ),
    "unsigned_file": Fault(
        "a file is put into a hidden folder of a signed model",
        "supply_chain.signature.n_unsigned",
        supply.unsigned_file,
        twin=supply.signed_twin,
    ),
    "signed_by_a_stranger": Fault(
        "the model is signed with a key that nobody trusts",
        "supply_chain.signature.n_untrusted",
        supply.signed_by_a_stranger,
        twin=supply.signed_twin,
    ),
    "lost_signature": Fault(
        "a signed model is delivered without its signature",
        "supply_chain.signature.n_untrusted",
        supply.lost_signature,
        twin=supply.signed_twin,
    ),
    "altered_signature": Fault(
        "one bit of the signature is turned",
        "supply_chain.signature.n_untrusted",
        supply.altered_signature,
        twin=supply.signed_twin,
    ),
    "vulnerable_library": Fault(
        "an advisory concerns a library that loads the model",
        "supply_chain.bill_of_materials.n_vulnerable",
        supply.vulnerable_library,
        twin=supply.listed_twin,
    ),
    "mended_library": Fault(
        "an advisory concerns earlier versions of it",
        "supply_chain.bill_of_materials.n_vulnerable",
        supply.mended_library,
        must_fail=False,
        twin=supply.listed_twin,
    ),
    "learned_by_heart": Fault(
        "the model has learned its people by heart", "privacy.membership.tpr_at_1_in_100", models.learned_by_heart
    ),
    "learned_others": Fault(
        "the model has learned other people by heart",
        "privacy.membership.tpr_at_1_in_100",
        models.learned_others_by_heart,
        must_fail=False,
    ),
    "pictures_by_heart": Fault(
        "a network knows its two pictures of each person by heart",
        "privacy.inversion.member_auc",
        networks.pictures_by_heart,
        twin=networks.pictures_twin,
        extra="torch",
    ),
    "named_in_remarks": Fault(
        "one remark in twenty holds an e-mail address",
        "privacy.personal_data.row_share.train",
        identities.named_in_remarks,
    ),
    "numbers_in_remarks": Fault(
        "remarks hold amounts and references",
        "privacy.personal_data.row_share.train",
        identities.numbers_in_remarks,
        must_fail=False,
    ),
    "exact_birth_and_postcode": Fault(
        "the table has the day of birth and the postcode",
        "privacy.reidentification.unique_share",
        identities.exact_birth_and_postcode,
        limit=0.2,
    ),
    "first_digit_of_postcode": Fault(
        "it has the first digit of the postcode",
        "privacy.reidentification.unique_share",
        identities.first_digit_of_postcode,
        must_fail=False,
        limit=0.2,
    ),
    "religion_for_nothing": Fault(
        "the model is given the religion, which changes nothing",
        "privacy.minimisation.n_unneeded",
        identities.religion_for_nothing,
    ),
    "illness_that_matters": Fault(
        "the model is given an illness, which changes much",
        "privacy.minimisation.n_unneeded",
        identities.illness_that_matters,
        must_fail=False,
    ),
    "address_tells_sex": Fault(
        "a form of address stands in for the sex",
        "privacy.special_category_proxies.column_auc.sex",
        people.stand_in,
    ),
    "income_hints_at_sex": Fault(
        "women earn less, so that the income hints at the sex",
        "privacy.special_category_proxies.column_auc.sex",
        data.unequal_incomes,
        must_fail=False,
    ),
    "unit_error": Fault("10 % of incomes are in cents", "data.schema.violation_share", data.unit_error),
    "scaled_before_split": Fault(
        "a scaler was fitted before the split",
        "data.fitted_on_test.n_values_from_test",
        models.scaled_before_split,
        twin=scaled_twin,
    ),
    "sure_where_wrong": Fault(
        "chance decides about renters in the north, and the model is sure",
        "performance.slice_risks.overconfidence_gap",
        models.sure_where_wrong,
        limit=0.05,
        beside=("performance.slices",),
    ),
    "unsure_where_wrong": Fault(
        "chance decides about them, and the model says so",
        "performance.slice_risks.overconfidence_gap",
        models.unsure_where_wrong,
        must_fail=False,
        limit=0.05,
        beside=("performance.slices",),
    ),
    "mendable": Fault(
        "logits are tripled, which one number would mend",
        "performance.recalibration.brier_gain.temperature",
        models.overconfidence,
        limit=0.005,
    ),
    "less_informed": Fault(
        "the model knows less and states that truly",
        "performance.recalibration.brier_gain.temperature",
        models.less_informed,
        must_fail=False,
        limit=0.005,
    ),
    "hidden_by_the_cutoff": Fault(
        "stated risks of women are drawn towards one half",
        "fairness.thresholds.any_selection_gap.sex",
        people.hidden_by_the_cutoff,
        limit=0.2,
    ),
    "moderated_renters": Fault(
        "those of renters are, of both sexes",
        "fairness.thresholds.any_selection_gap.sex",
        people.moderated_renters,
        must_fail=False,
        limit=0.2,
    ),
    "uses_sex": Fault(
        "the score itself depends on the sex", "fairness.gap_features.part.sex.sex", people.sex_decides, limit=0.05
    ),
    "uses_income": Fault(
        "women earn less, and the score depends on that",
        "fairness.gap_features.part.sex.sex",
        data.unequal_incomes,
        must_fail=False,
        limit=0.05,
    ),
    "refused_undeserved": Fault(
        "most women are refused, deserving or not",
        "fairness.inequality.between.sex",
        people.refused_undeserved,
        limit=0.005,
    ),
    "refused_by_chance": Fault(
        "two of five people are refused, whatever their sex",
        "fairness.inequality.between.sex",
        people.refused_by_chance,
        must_fail=False,
        limit=0.005,
    ),
    "uneven_errors": Fault(
        "what large debts bring in is hard to foresee",
        "performance.intervals.undercoverage_where_hard",
        models.uneven_errors,
        limit=0.1,
        twin=repayment_twin,
    ),
    "heavy_errors": Fault(
        "some repayments are far off, of anybody",
        "performance.intervals.undercoverage_where_hard",
        models.heavy_errors,
        must_fail=False,
        limit=0.1,
        twin=repayment_twin,
    ),
}


def planted(name: str, *, seed: int) -> Twin:
    """Return the copy with one fault."""
    fault = FAULTS[name]
    return fault.plant(fault.twin(seed))
