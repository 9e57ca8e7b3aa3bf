/**
 * Computes the digest of a file on the host.
 */

/**
 * Exit codes of `text` itself. Others are those of a tool.
 *
 * @internal
 */
export const exit = { noTool: 93, otherFile: 94 } as const

/**
 * A script that prints a digest. Its arguments are a path, the attributes that SFTP reported, an algorithm, and a number of
 * bytes from the beginning (empty: all). The tools read from stdin, because with an argument they also print an escaped
 * name. The attributes must match, because commands may see other files than SFTP does (`ChrootDirectory`, another root,
 * another user).
 *
 * @internal
 */
export const text = `
PATH="$PATH:/usr/sbin:/sbin"
[ -f "$1" ] && [ -r "$1" ] || exit ${exit.otherFile}
seen=$(stat -L -c '%s %Y %u %g' "$1" 2>/dev/null) ||
  seen=$(stat -L -f '%z %m %u %g' "$1" 2>/dev/null) || exit ${exit.noTool}
[ "$seen" = "$2" ] || exit ${exit.otherFile}
has() { command -v "$1" >/dev/null 2>&1; }
algorithm=$3
compute() {
  if has "$algorithm"sum; then "$algorithm"sum
  elif [ "$algorithm" != md5 ] && has shasum; then shasum -a "\${algorithm#sha}"
  elif has openssl; then openssl dgst -"$algorithm"
  elif has "$algorithm"; then "$algorithm" -q
  else exit ${exit.noTool}
  fi
}
if [ -n "$4" ]; then
  has head || exit ${exit.noTool}
  digest=$(head -c "$4" <"$1" | compute) || exit
else digest=$(compute <"$1") || exit
fi
case $digest in
  *"= "*) digest=\${digest##*= } ;;
  *) digest=\${digest%% *} ;;
esac
printf '%s\\n' "$digest"
`
