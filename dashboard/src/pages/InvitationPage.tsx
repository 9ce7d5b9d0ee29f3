import { answer, api } from '@/api/client';
import { ApiError, messageOf } from '@/api/error';
import mark from '@/assets/mark.svg';
import { MIN_PASSWORD } from '@/auth/password';
import { session } from '@/auth/session';
import { Blank } from '@/ui/Blank';
import { Field } from '@/ui/Field';
import { KeyIcon } from '@/ui/icons';
import { Problem } from '@/ui/Problem';
import { useEffect, useState, type SubmitEvent } from 'react';

interface Invitee {
  name: string;
  email: string;
  organization: string;
}

/** Where whoever is invited chooses a password. The token stands behind the `#`, which no server is sent. */
export function InvitationPage({ token, onDone }: { token: string; onDone: () => void }) {
  const [invitee, setInvitee] = useState<Invitee | null>(null);
  const [error, setError] = useState<unknown>(null);

  useEffect(() => {
    answer(api.http.POST('/api/v1/auth/invitation', { body: { token } })).then(setInvitee, setError);
  }, [token]);

  if (invitee) return <ChoosePassword token={token} invitee={invitee} onDone={onDone} />;
  return (
    <main className="center-page">
      {error ? (
        <div role="alert">
          <Blank icon={KeyIcon} title="This link cannot be used" titleAs="h1">
            <p>{messageOf(error)}</p>
            <button type="button" className="button mt-4" onClick={onDone}>
              To the login
            </button>
          </Blank>
        </div>
      ) : (
        <p role="status" className="text-muted">
          Loading…
        </p>
      )}
    </main>
  );
}

function ChoosePassword({ token, invitee, onDone }: { token: string; invitee: Invitee; onDone: () => void }) {
  const [problem, setProblem] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);

  const submit = async (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const password = new FormData(event.currentTarget).get('password');
    setBusy(true);
    try {
      await session.acceptInvitation(token, typeof password === 'string' ? password : '');
      onDone();
    } catch (error) {
      setProblem(error);
      setBusy(false);
    }
  };

  const told = problem instanceof ApiError ? problem.problemWith('password') : null;
  return (
    <main className="center-page">
      <form
        className="panel grid w-full max-w-sm gap-5 p-6 sm:p-8"
        aria-labelledby="invitation-title"
        onSubmit={(event) => void submit(event)}
      >
        <img src={mark} alt="" className="size-10" />
        <div>
          <h1 id="invitation-title" className="text-2xl font-semibold tracking-tight">
            Welcome, {invitee.name}
          </h1>
          <p className="mt-1 text-muted">Choose a password to see the calls of {invitee.organization}.</p>
        </div>
        {!told && <Problem error={problem} />}
        <input type="hidden" autoComplete="username" value={invitee.email} readOnly />
        <Field label="Password" hint={`At least ${MIN_PASSWORD} characters.`} problem={told}>
          {(control) => (
            <input
              {...control}
              className="input"
              name="password"
              type="password"
              autoComplete="new-password"
              minLength={MIN_PASSWORD}
              required
              autoFocus
            />
          )}
        </Field>
        <button type="submit" className="button button-primary" disabled={busy}>
          {busy ? 'Signing in…' : 'Sign in'}
        </button>
      </form>
    </main>
  );
}
