"""Says whether a comment is kind."""

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer


def init_context(context):
    context.analyzer = SentimentIntensityAnalyzer()  # reads its lexicon: once, not for each event


def handle_event(context, data):
    text = data.decode()
    score = context.analyzer.polarity_scores(text)["compound"]  # from -1 to 1
    mood = "good" if score >= 0.05 else "bad" if score <= -0.05 else "neutral"
    return {"text": text, "mood": mood, "score": score}
