"""Any model judged by any other: which words are about which, the candidate's forms, their rows."""
