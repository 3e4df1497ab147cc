// Signs in a user of the catalog and prints the token. Usage: token.js [USER]
const { BACKSTAGE_PORT, BACKSTAGE_TEST_USERS_SECRET } = process.env;
const [user = 'guest'] = process.argv.slice(2);
const provider = user === 'guest' ? 'guest' : 'testusers';

async function main() {
  const response = await fetch(
    `http://127.0.0.1:${BACKSTAGE_PORT}/api/auth/${provider}/refresh`,
    {
      headers: {
        'x-test-user': `user:default/${user}`,
        'x-test-secret': BACKSTAGE_TEST_USERS_SECRET,
      },
    },
  );
  const body = await response.json();
  if (!response.ok) throw new Error(body.error.message);
  console.log(body.backstageIdentity.token);
}

main().catch(error => {
  console.error(`No token for ${user}: ${error.message}`);
  process.exit(1);
});
