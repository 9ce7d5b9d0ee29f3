import { placeTestCall, STEPS, type Pointing } from '@/admin/testCall';
import { text } from '@/admin/form';
import { messageOf } from '@/api/error';
import { StatusBadge } from '@/calls/StatusBadge';
import { Field } from '@/ui/Field';
import { Panel } from '@/ui/Panel';
import { useState, type SubmitEvent } from 'react';
import { Link } from 'react-router';

/** Sends what a sender would send, with its key, to see that it arrives. */
export function TestCall({ pointing }: { pointing: Pointing }) {
  const [taken, setTaken] = useState<number | null>(null);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);

  const submit = async (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const key = text(new FormData(event.currentTarget), 'key');
    setBusy(true);
    setProblem(null);
    setTaken(0);
    try {
      await placeTestCall(pointing, key, setTaken);
    } catch (error) {
      setProblem(messageOf(error));
    } finally {
      setBusy(false);
    }
  };

  return (
    <Panel title="Test call">
      <form className="panel-body grid gap-4" onSubmit={(event) => void submit(event)}>
        <Field
          label="Key"
          hint="It rings for three seconds and talks for six; everybody in your organization sees it."
          problem={problem}
        >
          {(control) => (
            <input {...control} className="input" name="key" type="password" autoComplete="off" required minLength={8} />
          )}
        </Field>
        <div className="flex flex-wrap items-center gap-3">
          <button type="submit" className="button" disabled={busy}>
            Send a test call
          </button>
          <span role="status" className="flex flex-wrap items-center gap-2 text-sm">
            {taken !== null && STEPS.slice(0, taken).map(({ status }) => <StatusBadge key={status} status={status} />)}
          </span>
          {taken !== null && taken > 0 && (
            <Link to="/" className="text-sm font-medium text-accent underline">
              See it live
            </Link>
          )}
        </div>
      </form>
    </Panel>
  );
}
