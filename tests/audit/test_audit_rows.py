from creditlib.audit.rows import ExactRow, LearningRow, PathRow, QualityRow


def test_the_fields_are_the_keys_of_the_json_object():
    assert ExactRow._fields == ("task", "n", "cosine", "scale", "max_error")
    assert QualityRow._fields == ("task", "metric", "value", "low", "high")
    assert PathRow._fields == ("task", "update", "cosine")
    assert LearningRow._fields == ("task", "estimator", "area", "low", "high")
