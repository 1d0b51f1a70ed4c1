#!/bin/bash
# Every CKR_ value that the installed pkcs11.h defines, but CKR_OK, as lines "CKR(NAME)" to OUTPUT.
# ckr-values.sh OUTPUT COMPILER...
set -euo pipefail

output=$1
shift
read -ra flags < <(pkg-config --cflags p11-kit-1)
printf '#include <p11-kit/pkcs11.h>\n' | "$@" "${flags[@]}" -E -dM - | sed -n 's/^#define \(CKR_[A-Z0-9_]*\) .*/CKR(\1)/p' |
    grep -v '^CKR(CKR_OK)$' | LC_ALL=C sort >"$output"
[[ -s $output ]]
