# What `helm test` does: hold a stream through the client Service, publish through the control Service, wait for the text.
# Nothing but bash, openssl and holdfast, which the image has. CLIENT_HOST, CLIENT_PORT, CLIENT_TLS, CONTROL_URL, TOKEN_FILE say where.
set -eu
name="t$RANDOM$RANDOM$RANDOM"
text="hello-$name"

connect() {
  if [[ -n ${CLIENT_TLS:-} ]]; then
    # Whether the certificate is valid for the Service's name is no business of this test.
    coproc tls { openssl s_client -quiet -connect "$CLIENT_HOST:$CLIENT_PORT" -servername "$CLIENT_HOST" 2>/dev/null; }
    exec {in}<&"${tls[0]}" {out}>&"${tls[1]}"
  else
    exec {in}<>"/dev/tcp/$CLIENT_HOST/$CLIENT_PORT"
    out=$in
  fi
}

hold() {
  connect
  printf 'GET /holdfast-test/%s HTTP/1.1\r\nHost: %s\r\n\r\n' "$name" "$CLIENT_HOST" >&"$out"
  read -r -t 10 status <&"$in" || { echo "no answer from $CLIENT_HOST:$CLIENT_PORT"; exit 1; }
  echo "held: ${status%$'\r'}"
  [[ $status == "HTTP/1.1 200"* ]] || exit 1
}

# Until it is received, nothing comes for 2 s (1), or the stream ends (2), as it does when something may have been missed.
await() {
  local line code
  while true; do
    code=0
    read -r -t 2 line <&"$in" || code=$?
    ((code <= 128)) || return 1
    ((code == 0)) || return 2
    [[ $line != *"$text"* ]] || return 0
  done
}

arguments=(--url "$CONTROL_URL" --stream "holdfast-test-$name" "$text")
[[ -z ${TOKEN_FILE:-} ]] || arguments=(--token-file "$TOKEN_FILE" "${arguments[@]}")
hold
for attempt in {1..10}; do
  holdfast publish "${arguments[@]}"
  code=0
  await || code=$?
  case $code in
    0) echo "received after $attempt"; exit 0 ;;
    2) hold ;;
  esac
done
echo "published, but nothing came through the stream"
exit 1
