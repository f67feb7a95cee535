"""Stage ``group_split``: whole scene families into three disjoint sets."""
