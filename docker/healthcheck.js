// Ends with 0 if the bot in this container is ready: proxies and what starts after it wait for that.
const port = process.env.HTTP_PORT || '3000'
const answer = await fetch(`http://127.0.0.1:${port}/readyz`, {
  signal: AbortSignal.timeout(4_000),
}).catch((error) => ({ ok: false, text: async () => String(error.cause ?? error) }))
process.stdout.write(await answer.text())
process.exit(answer.ok ? 0 : 1)
