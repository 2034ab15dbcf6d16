"""视觉：框与框的比较、非极大值抑制（`dlnotes.vision.boxes`）。"""
